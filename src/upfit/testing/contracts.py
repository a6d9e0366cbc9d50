"""Contracts that every technique keeps, as functions that a test calls with the technique's settings.

A technique of one's own is tested by the same functions as those that come with upfit.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

import torch
from torch import nn

from upfit.data.own_loader import OwnSource
from upfit.errors import Interrupted
from upfit.models.own import OwnNetwork, parted
from upfit.techniques.losses import cross_entropy
from upfit.train.settle import settle_own, settle_techniques
from upfit.train.tune import Places, Plan, tune
from upfit.train.world import World
from upfit.values import Change, Recipe, Silent

STEPS, STOP = 30, 12


def check_resumes_bit_for_bit(name: str, **settings: Any) -> None:
    """Stopped in mid-run and gone on with, a run with the technique ends with the very same weights.

    Args:
        name: The technique, as a recipe lists it.
        settings: Its settings.

    Raises:
        AssertionError: It does not.

    Example:
        >>> check_resumes_bit_for_bit("ema", decay=0.9)
    """
    with tempfile.TemporaryDirectory() as place:
        whole = _trained({name: settings}, Places())
        asked = count(1)
        try:
            _trained({name: settings}, Places(Path(place), asked_to_stop=lambda: next(asked) == STOP))
        except Interrupted:
            pass
        else:
            raise AssertionError("the run ended before it could be stopped")
        again = _trained({name: settings}, Places(Path(place)))
    _require_same(whole, again, f"{name} does not resume bit for bit")


def check_strength_zero_is_absent(name: str, **settings: Any) -> None:
    """With settings that leave it no strength, the technique changes nothing at all.

    Args:
        name: The technique.
        settings: Those at which it does nothing, e.g. a clipping norm that no gradient reaches.

    Raises:
        AssertionError: It changes weights all the same.

    Example:
        >>> check_strength_zero_is_absent("clip", norm=1e9)
    """
    without, idle = _trained({}, Places()), _trained({name: settings}, Places())
    _require_same(without, idle, f"{name} with {settings} is not absent")


def _trained(techniques: Mapping[str, Any], places: Places) -> nn.Module:
    """A small network with dropout, trained on made-up numbers with these techniques alone."""
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(64, 8, generator=generator), torch.randint(0, 3, (64,), generator=generator)
    batches, better = list(zip(x.split(8), y.split(8), strict=True)), count()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = OwnNetwork(nn.Sequential(nn.Linear(8, 16), nn.Dropout(0.2), nn.Linear(16, 3)))
        tune(
            _recipe(techniques),
            network,
            network.groups,
            source=OwnSource(batches, part=parted, seed=0, encode=_same),
            loss=cross_entropy,
            # Evaluations that only get better: the weights kept are the last.
            measure=lambda _: (0.0, {"accuracy": float(next(better))}),
            metric="accuracy",
            plan=Plan(STEPS, STEPS // 3, STEPS),
            world=World(),
            watcher=Silent(),
            places=places,
        )
    return network


def _recipe(techniques: Mapping[str, Any]) -> Recipe:
    changes = [Change(path="optimizer.lr", to=0.01)]
    changes += [Change(path=f"techniques.{name}", to="off") for name in ("clip", "ema")]
    changes += [Change(path=f"techniques.{name}", to=dict(given)) for name, given in techniques.items()]
    return settle_techniques(settle_own(Recipe().apply(*changes), count=64), STEPS)


def _same(target: torch.Tensor) -> torch.Tensor:
    return target


def _require_same(one: nn.Module, other: nn.Module, message: str) -> None:
    others = other.state_dict()
    different = [name for name, value in one.state_dict().items() if not torch.equal(value, others[name])]
    if different:
        raise AssertionError(f"{message}: {', '.join(different)}")
