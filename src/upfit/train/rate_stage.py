"""The stage that settles `lr: range_test`, before the tuning is planned to its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from upfit.errors import TrainingError
from upfit.models import Backbone
from upfit.train.adapting import without_adapters
from upfit.train.feed import feed_of
from upfit.train.held_out import held_out_loss
from upfit.train.range_test import Tested, Trial, range_test, untested
from upfit.train.rates import with_rate
from upfit.train.settle import default_rates
from upfit.train.stages import fresh_network
from upfit.train.workbench import Workbench
from upfit.values import Finding, Recipe


@dataclass(frozen=True, eq=False)
class Rated:
    """A recipe with its rate, what to report, and the test; None where it found nothing."""

    recipe: Recipe
    finding: Finding
    tested: Tested | None


def rate_stage(
    bench: Workbench,
    backbone: Backbone,
    *,
    total: int,
    seconds: float | None,
    asked_to_stop: Callable[[], bool],
) -> Rated:
    """Find the rate of a run of `total` steps in at most about so many seconds.

    Where no rate makes the loss fall, a default is taken and a warning says so.
    """
    network = fresh_network(bench, backbone)
    feed = feed_of(bench, network)
    model, source = feed.model, feed.source
    ours = default_rates(bench.recipe, backbone.modality, bench.data.schema.task)
    try:
        tested = range_test(
            bench.recipe,
            model,
            network.groups if model is network else network.groups[-1:],
            source=source,
            loss=bench.objective.loss(bench.recipe.loss),
            ours=ours,
            world=bench.world,
            trial=Trial.within(total, seconds=seconds, asked_to_stop=asked_to_stop),
            held_out=held_out_loss(bench, feed),
        )
    except TrainingError as error:
        suited = "SGD" if "sgd" in ours.optimizers else "AdamW"
        finding = untested(error.message, ours.lr, suited)
        chosen = with_rate(bench.recipe.optimizer, ours.lr, ours)
        return Rated(bench.recipe.replace(optimizer=chosen), finding, None)
    finally:
        without_adapters(network, keep=False)
    chosen = with_rate(bench.recipe.optimizer, tested.choice.rate, ours)
    return Rated(bench.recipe.replace(optimizer=chosen), tested.finding(), tested)
