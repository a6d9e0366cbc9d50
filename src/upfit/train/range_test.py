"""The range test on a live network: a short trial on a copy, which leaves everything as it was."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from torch import nn

from upfit.models.groups import LayerGroup
from upfit.techniques.holding import Floats, Hold, hold_back
from upfit.techniques.range_test import RateChoice, choose_rate, span
from upfit.techniques.schedules import mean_multiplier
from upfit.train.climb import MOST, Climb, held, random_state_kept, unit_recipe
from upfit.train.job import Source
from upfit.train.objective import LossFunction
from upfit.train.rates import DefaultRates
from upfit.train.world import World
from upfit.values import Finding, Recipe

SHARE = 0.04
"""Part of a run's steps that the test may take, as far as it can do with so few."""
FEWEST = 40
"""Rates that are tried, at least."""
REPEATS = 3
"""Climbs through the rates, at most."""
HELD_LEAST, HELD_SHARE = 20, 0.1
"""Steps for which the chosen rate is held: as many as there are rates, but no greater part of the run."""


@dataclass(frozen=True)
class Trial:
    """How a range test is made.

    Args:
        rates: How many rates are tried.
        repeats: How often.
        hold: Steps for which the rate that was chosen is held, with looks at held-out examples.
        total: Steps of the run that is to follow.
        seconds: No further climb is begun after so many; None for no limit.
        asked_to_stop: Polled now and then.
    """

    rates: int = MOST
    repeats: int = REPEATS
    hold: int = FEWEST
    total: int = 0
    seconds: float | None = None
    asked_to_stop: Callable[[], bool] = lambda: False

    @classmethod
    def within(
        cls,
        total: int,
        *,
        seconds: float | None = None,
        asked_to_stop: Callable[[], bool] = lambda: False,
    ) -> Trial:
        """The test that a run of `total` steps affords: 4 % of them, but 40 at the least; and the hold.

        Example:
            >>> for total in (200, 3_000, 9_000):
            ...     print(Trial.within(total).rates, Trial.within(total).repeats, Trial.within(total).hold)
            40 1 20
            60 2 60
            100 3 100
        """
        steps = round(SHARE * total)
        rates = min(MOST, max(FEWEST, steps // 2))
        hold = min(rates, max(HELD_LEAST, round(HELD_SHARE * total)))
        return cls(rates, min(REPEATS, max(1, steps // rates)), hold, total, seconds, asked_to_stop)


@dataclass(frozen=True, eq=False)
class Tested:
    """A finished range test.

    Args:
        choice: The rate; held back where holding it overfitted.
        losses_RN: The losses of the climbs that it rests on (R, N).
        steps: How many it took, the hold included.
        seconds: It took.
        total: Steps of the run that it was made for.
        hold: What came of holding the rate that the climbs chose; None where that was not tried.
    """

    choice: RateChoice
    losses_RN: Floats
    steps: int
    seconds: float
    total: int
    hold: Hold | None = None

    def finding(self) -> Finding:
        """What the run's report says about it."""
        one = self.choice
        rose = "never rose again" if one.diverged is None else f"rose again at {one.diverged:.2g}"
        held = ""
        if self.hold is not None and one.rate < self.hold.rate:
            held = (
                f"; {self.hold.rate:.2g}, which the losses speak for, would overfit long before the run's end"
            )
        return Finding(
            kind="range_test",
            severity="info",
            message=f"range test: rate {one.rate:.2g}; the loss fell fastest at {one.steepest:.2g}, was "
            f"lowest at {one.lowest:.2g} and {rose}{held} ({self.steps} steps beside the run's {self.total}, "
            f"{self.seconds:.1f} s)",
            evidence={"rate": one.rate, "steepest": one.steepest, "lowest": one.lowest}
            | ({} if one.diverged is None else {"diverged": one.diverged})
            | ({} if self.hold is None else {"climbs_rate": self.hold.rate})
            | {"steps": self.steps, "seconds": self.seconds},
        )

    def to_json(self) -> dict[str, object]:
        """The curve and the choice, as plain values."""
        losses = [
            [value if math.isfinite(value) else None for value in row] for row in self.losses_RN.tolist()
        ]
        one = self.choice
        return {
            "rate": one.rate,
            "steepest": one.steepest,
            "lowest": one.lowest,
            "diverged": one.diverged,
            "rates": one.rates_N.tolist(),
            "losses": losses,
            "hold": None if self.hold is None else self._hold_json(self.hold),
        }

    @staticmethod
    def _hold_json(hold: Hold) -> dict[str, object]:
        held = [value if math.isfinite(value) else None for value in hold.held_S.tolist()]
        return {"rate": hold.rate, "travelled": hold.travelled_S.tolist(), "held_out": held}


def untested(why: str, rate: float, suited: str) -> Finding:
    """What the report says where no rate was found, and which one is taken instead."""
    message = f"{why}; {rate:g} is taken, which suits {suited}"
    return Finding(kind="range_test", severity="warning", message=message)


def range_test(
    recipe: Recipe,
    network: nn.Module,
    groups: tuple[LayerGroup, ...],
    *,
    source: Source,
    loss: LossFunction,
    ours: DefaultRates,
    world: World,
    trial: Trial,
    held_out: Callable[[nn.Module], float] | None = None,
) -> Tested:
    """Try growing rates on a copy of the network, with the recipe's optimizer and techniques.

    The rate that they speak for is then held on another copy, with looks at held-out examples. The
    network and the random state are as before afterwards.

    Args:
        recipe: Settled but for `optimizer.lr` (and `head_lr`, which follows it).
        network: Where training will start.
        groups: Its layer groups.
        source: Training batches.
        loss: (logits (B, K), targets) → (B,).
        ours: Gives the distance between the rates of backbone and head.
        world: Device, precision, processes.
        trial: How many rates and repeats.
        held_out: Network → its loss on held-out examples; None does without a hold.

    Raises:
        Interrupted: Somebody asked to stop.
        TrainingError: No rate makes the loss fall.
    """
    started, steps = time.monotonic(), 0
    rates_N = np.geomspace(*span(recipe.optimizer.name), trial.rates)
    climbs: list[Floats] = []
    with random_state_kept():
        for number in range(trial.repeats):
            over = trial.seconds is not None and time.monotonic() - started > trial.seconds / 2
            if number and world.agree(over):
                break
            unit = unit_recipe(recipe.replace(seed=recipe.seed + number), ours)
            climb = Climb(unit, source, loss, world, trial.asked_to_stop, number)
            losses_N = climb.losses(copy.deepcopy(network), groups, rates_N)
            steps += int(np.isfinite(losses_N).sum())
            climbs.append(losses_N)
        losses_RN = np.stack(climbs)
        choice = world.agree(choose_rate(rates_N, losses_RN, optimizer=recipe.optimizer.name))
        hold = None
        late = trial.seconds is not None and time.monotonic() - started > trial.seconds
        if held_out is not None and trial.total and not world.agree(late):
            climb = Climb(unit_recipe(recipe, ours), source, loss, world, trial.asked_to_stop, trial.repeats)
            another = copy.deepcopy(network)
            hold = held(climb, another, groups, choice.rate, trial.hold, held_out=held_out)
            steps += trial.hold
            mean = mean_multiplier(recipe.schedule, trial.total, per_epoch=len(source))
            rate = hold_back(choice.rate, hold, total=trial.total, mean=mean)
            choice = replace(choice, rate=world.agree(rate))
    return Tested(choice, losses_RN, steps, time.monotonic() - started, trial.total, hold)
