"""The rate of a module that nothing is known about: a range test says it, once for a run."""

from __future__ import annotations

import copy
from collections.abc import Callable

from torch import nn

from upfit.errors import TrainingError
from upfit.models.own import OwnNetwork
from upfit.store import RunFolder
from upfit.techniques.optimizers import ADAM_LIKE
from upfit.train.job import Source
from upfit.train.objective import LossFunction
from upfit.train.out_of_memory import empty_cache, is_out_of_memory
from upfit.train.range_test import FEWEST, HELD_LEAST, Tested, Trial, range_test, untested
from upfit.train.rates import following
from upfit.train.settle import USUAL, own_rates
from upfit.train.world import World
from upfit.values import Finding, Recipe

OWN_RATE = "own-rate.json"
STEPS = FEWEST + HELD_LEAST
"""Steps of the shortest test."""
SHARE = 0.25
"""Part of the time left that a test may take that nobody asked for."""


def affords_test(recipe: Recipe, total: int, *, step: float, left: float | None) -> bool:
    """Whether a run is long enough for a test that nobody asked for; without one 0.001 suits AdamW alone.

    Args:
        recipe: Its optimizer is asked about.
        total: Steps of the run.
        step: Seconds of one.
        left: Seconds of the budget; None for no limit.

    Example:
        >>> [affords_test(Recipe(), total, step=0.1, left=30) for total in (10, 100)]
        [False, True]
        >>> affords_test(Recipe(), 100, step=0.1, left=10)
        False
    """
    if recipe.optimizer.name.lower() not in ADAM_LIKE:
        return True
    return total >= FEWEST and (left is None or STEPS * step <= SHARE * left)


def with_tested_rate(
    recipe: Recipe,
    network: OwnNetwork,
    source: Source,
    loss: LossFunction,
    *,
    world: World,
    trial: Trial,
    held_out: Callable[[nn.Module], float],
    affords: bool,
    folder: RunFolder | None,
) -> tuple[Recipe, tuple[Finding, ...]]:
    """The recipe with the rate that a range test finds, where it asks for one; 0.001 where none can be found.

    Args:
        recipe: Settled but for the rate.
        network: Where training starts; left as it was.
        source: Training batches.
        loss: (logits, targets) → (B,).
        world: Device, precision, processes.
        trial: How the test is made.
        held_out: Network → its validation loss.
        affords: Whether the run affords a test; else it has 0.001, and nothing is reported.
        folder: Keeps the rate: a run that goes on has the one that it began with, from whatever new weights
            the caller comes.
    """
    given = recipe.optimizer
    if given.lr != "range_test":
        return recipe, ()
    ours = own_rates(given)
    if folder is not None and world.agree(folder.has(OWN_RATE)):
        kept = folder.read_json(OWN_RATE)
        rate, findings = float(kept["rate"]), tuple(map(Finding.model_validate, kept["findings"]))
    else:
        rate, findings = USUAL, ()
        if affords:
            rate, finding = _tested(
                lambda: range_test(
                    recipe,
                    network,
                    network.groups,
                    source=source,
                    loss=loss,
                    ours=ours,
                    world=world,
                    trial=trial,
                    held_out=held_out,
                ),
                network,
            )
            findings = (finding,)
        if folder is not None:
            told = [finding.model_dump(mode="json") for finding in findings]
            folder.write_json(OWN_RATE, {"rate": rate, "findings": told})
            world.wait()
    return recipe.replace(optimizer=following(given, rate, ours)), findings


def _tested(test: Callable[[], Tested], network: OwnNetwork) -> tuple[float, Finding]:
    """The rate that a test finds and what to report, or the usual rate and why."""
    try:
        _require_copies(network)
        tested = test()
    except Exception as error:
        return USUAL, _untested(error)
    return tested.choice.rate, tested.finding()


def _require_copies(network: OwnNetwork) -> None:
    """Raise `TrainingError` for what cannot be copied: rates are tried on copies."""
    try:
        copy.deepcopy(network)
    except Exception as error:
        raise TrainingError(f"no rate could be tried, since the module cannot be copied: {error}") from None


def _untested(error: Exception) -> Finding:
    """Why a usual rate is taken, where a test came to nothing or had no memory; other errors are raised."""
    if is_out_of_memory(error):
        why = "no rate could be tried, since there is no memory for a copy of the module"
        empty_cache()
    elif isinstance(error, TrainingError):
        why = error.message
    else:
        raise error
    return untested(why, USUAL, "many with AdamW")
