"""The rate of a module that nothing is known about: a range test says it, once for a run."""

from __future__ import annotations

import copy
from collections.abc import Callable

from torch import nn

from upfit.errors import TrainingError
from upfit.models.own import OwnNetwork
from upfit.store import RunFolder
from upfit.train.job import Source
from upfit.train.objective import LossFunction
from upfit.train.out_of_memory import empty_cache, is_out_of_memory
from upfit.train.range_test import Trial, range_test
from upfit.train.rates import following
from upfit.train.settle import own_rates
from upfit.train.world import World
from upfit.values import Finding, Recipe

OWN_RATE = "own-rate.json"


def with_tested_rate(
    recipe: Recipe,
    network: OwnNetwork,
    source: Source,
    loss: LossFunction,
    *,
    world: World,
    trial: Trial,
    held_out: Callable[[nn.Module], float],
    folder: RunFolder | None = None,
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
        folder: Keeps the rate: a run that goes on has the one that it began with, from whatever new weights
            the caller comes.
    """
    given = recipe.optimizer
    if given.lr != "range_test":
        return recipe, ()
    ours = own_rates(given)
    if folder is not None and world.agree(folder.has(OWN_RATE)):
        kept = folder.read_json(OWN_RATE)
        rate, finding = float(kept["rate"]), Finding.model_validate(kept["finding"])
    else:
        try:
            _require_copies(network)
            tested = range_test(
                recipe,
                network,
                network.groups,
                source=source,
                loss=loss,
                ours=ours,
                world=world,
                trial=trial,
                held_out=held_out,
            )
            rate, finding = tested.choice.rate, tested.finding()
        except Exception as error:
            rate, finding = ours.lr, _untested(error, ours.lr)
        if folder is not None:
            folder.write_json(OWN_RATE, {"rate": rate, "finding": finding.model_dump(mode="json")})
            world.wait()
    return recipe.replace(optimizer=following(given, rate, ours)), (finding,)


def _require_copies(network: OwnNetwork) -> None:
    """Raise `TrainingError` for what cannot be copied: rates are tried on copies."""
    try:
        copy.deepcopy(network)
    except Exception as error:
        raise TrainingError(f"no rate could be tried, since the module cannot be copied: {error}") from None


def _untested(error: Exception, rate: float) -> Finding:
    """Why a usual rate is taken, where a test came to nothing or had no memory; other errors are raised."""
    if is_out_of_memory(error):
        why = "no rate could be tried, since there is no memory for a copy of the module"
        empty_cache()
    elif isinstance(error, TrainingError):
        why = error.message
    else:
        raise error
    return Finding(
        kind="range_test",
        severity="warning",
        message=f"{why}; {rate:g} is taken, which suits many with AdamW",
    )
