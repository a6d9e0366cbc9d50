"""Contracts that every technique keeps, as functions that a test calls with the technique's switch.

A switch is what `--set` takes: `techniques.mixup={alpha: 0.4}`, `loss.name=focal`. Techniques of one's own
are tested by the same functions as those that come with upfit. Each takes several switches, which are then
tried together, and trains small networks on real data for a few steps (`upfit.testing.small`).
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path

import numpy as np
import torch
from torch import nn

from upfit.errors import Interrupted
from upfit.testing.small import small_run
from upfit.testing.switches import Place, places_of, recipe_of
from upfit.train.tune import Places
from upfit.values import Recipe, Task

Weights = Mapping[str, torch.Tensor]
STEPS, STOP = 6, 3
CLOSE = 1e-5
"""How far weights may be apart where sums are added up in another order, relative to their size."""
PLAIN: Mapping[str, object] = {"head__dropout": 0.0, "layers__dropout": 0.0, "optimizer__name": "sgd"}
"""For comparing weights: dropout would fall on other examples, and Adam makes differences of rounding."""


class Refused(AssertionError):
    """No place takes what is to be checked."""


def check_resumes_bit_for_bit(*switches: str) -> None:
    """Stopped in mid-run and gone on with, a run ends with the very same weights.

    Args:
        switches: What to turn on.

    Raises:
        AssertionError: It does not.

    Example:
        >>> check_resumes_bit_for_bit("techniques.ema={decay: 0.9}")
    """
    recipe, place = at_home(*switches)
    whole = trained(recipe, place, steps=STEPS)
    with tempfile.TemporaryDirectory() as folder:
        asked = count(1)
        try:
            stopping = Places(Path(folder), asked_to_stop=lambda: next(asked) == STOP)
            trained(recipe, place, steps=STEPS, places=stopping)
        except Interrupted:
            pass
        else:
            raise AssertionError(f"{_named(switches)}: the run ended before it could be stopped")
        again = trained(recipe, place, steps=STEPS, places=Places(Path(folder)))
    require_equal(whole, again, f"{_named(switches)}: does not resume bit for bit")


def check_strength_zero_is_absent(*switches: str) -> None:
    """With settings that leave it no strength, a technique changes nothing at all.

    Args:
        switches: The technique with the settings at which it does nothing, e.g. a norm never reached.

    Raises:
        AssertionError: It changes weights all the same.

    Example:
        >>> check_strength_zero_is_absent("techniques.clip={norm: 1000000000}")
    """
    recipe, place = at_home(*switches)
    message = f"{_named(switches)}: is not absent"
    require_equal(trained(recipe_of(), place), trained(recipe, place), message)


def check_accumulates(*switches: str) -> None:
    """Batches in pieces of half the size give the same weights as whole batches.

    Claimed for what draws no random numbers inside the network: dropout falls otherwise on other examples.

    Example:
        >>> check_accumulates("techniques.l2={strength: 0.1}")
    """
    place = at_home(*switches)[1]
    whole = trained(recipe_of(*switches, **PLAIN), place)
    pieces = trained(recipe_of(*switches, **PLAIN, batching__micro_size=4), place)
    require_close(whole, pieces, f"{_named(switches)}: differs under accumulation")


def check_runs_in_bf16(*switches: str) -> None:
    """In bf16 all weights stay finite, and they change.

    Example:
        >>> check_runs_in_bf16("techniques.sam={rho: 0.05}")
    """
    place = at_home(*switches)[1]
    require_finite(trained(recipe_of(*switches, precision="bf16"), place), f"{_named(switches)}: bf16")


def check_runs_on(task: Task, *switches: str) -> None:
    """Trains on a task, and all weights stay finite.

    Args:
        task: E.g. `regression`.
        switches: What to turn on.

    Raises:
        AssertionError: It is refused there, or diverges.

    Example:
        >>> check_runs_on("multilabel", "techniques.mixup={alpha: 0.4}")
    """
    recipe, place = at_home(*switches, task=task)
    require_finite(trained(recipe, place), f"{_named(switches)}: {task}")


def check_leaves_nothing_behind(*switches: str) -> None:
    """After training, the network has the modules, hooks and attributes of one that was trained without.

    The random streams of Python and of numpy are where they were.

    Example:
        >>> check_leaves_nothing_behind("techniques.stochastic_depth={rate: 0.2}")
    """
    recipe, place = at_home(*switches)
    before = _streams()
    network = small_run(recipe, modality=place[0], task=place[1])
    assert before == _streams(), f"{_named(switches)}: draws from the global random streams"
    plain = anatomy(small_run(recipe_of(), modality=place[0], task=place[1]))
    left = sorted(set(anatomy(network)) ^ set(plain))
    assert not left, f"{_named(switches)}: leaves something behind: {left[:5]}"


def at_home(*switches: str, task: Task | None = None) -> tuple[Recipe, Place]:
    """A recipe, and the first place that takes it; raises `Refused` where none does."""
    recipe = recipe_of(*switches)
    found = [place for place in places_of(recipe) if task in (None, place[1])]
    if not found:
        raise Refused(f"{_named(switches)}: is refused {f'on {task}' if task else 'everywhere'}")
    return recipe, found[0]


def trained(recipe: Recipe, place: Place, *, steps: int = 3, places: Places | None = None) -> Weights:
    """The weights of a small network that was trained by a recipe."""
    network = small_run(recipe, modality=place[0], task=place[1], steps=steps, places=places)
    return network.state_dict()


def anatomy(network: nn.Module) -> list[str]:
    """Everything that can be left behind on a network, as lines of text."""
    lines = []
    for name, module in network.named_modules():
        hooks = {kind: len(held) for kind, held in vars(module).items() if kind.endswith("hooks") and held}
        own = sorted(key for key in vars(module) if not key.startswith("_"))
        lines.append(f"{name} {type(module).__name__} {hooks} {own} {sorted(module._modules)}")
    return lines


def require_equal(one: Weights, other: Weights, message: str) -> None:
    """Raise AssertionError unless all weights are the same, bit for bit."""
    _require(one, other, torch.equal, message)


def require_close(one: Weights, other: Weights, message: str) -> None:
    """Raise AssertionError unless all weights are the same but for the order of additions."""
    _require(one, other, _close, message)


def require_finite(weights: Weights, message: str) -> None:
    """Raise AssertionError if a weight is not a number."""
    broken = [name for name, value in weights.items() if not bool(value.isfinite().all())]
    assert not broken, f"{message}: not finite: {', '.join(broken)}"


def _streams() -> tuple[object, str]:
    return random.getstate(), str(np.random.get_state())


def _require(
    one: Weights, other: Weights, same: Callable[[torch.Tensor, torch.Tensor], bool], message: str
) -> None:
    assert one.keys() == other.keys(), f"{message}: other weights"
    different = [name for name, value in one.items() if not same(value, other[name])]
    assert not different, f"{message}: {', '.join(different[:5])}"


def _close(one: torch.Tensor, other: torch.Tensor) -> bool:
    one, other = one.double(), other.double()
    return bool((one - other).norm() <= CLOSE * (1e-3 + one.norm()))


def _named(switches: tuple[str, ...]) -> str:
    return " + ".join(switches) or "nothing"
