"""The range test on a live network: a short trial on a copy, which leaves everything as it was."""

from __future__ import annotations

import copy
import itertools
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from upfit.errors import Interrupted
from upfit.models.groups import LayerGroup
from upfit.techniques.range_test import Floats, RateChoice, choose_rate, span
from upfit.train.job import Job, Source, set_training
from upfit.train.learning import freeze
from upfit.train.loop import take_step, thaw
from upfit.train.objective import LossFunction
from upfit.train.rates import DefaultRates, with_rate
from upfit.train.state import State
from upfit.train.tune import Places, Plan, prepare, surroundings
from upfit.train.world import Batch, World
from upfit.values import Finding, Recipe, Silent
from upfit.values.layers import Gradual
from upfit.values.recipe import Schedule

SHARE = 0.04
"""Part of a run's steps that the test may take, as far as it can do with so few."""
FEWEST, MOST = 40, 100
"""Rates that are tried, at least and at most."""
REPEATS = 3
"""Climbs through the rates, at most."""
LIMIT = 3.0
"""A climb ends where the loss is so many times what it was at first."""
AGREE_EVERY = 10
"""Steps between the questions whether somebody wants to stop."""


@dataclass(frozen=True)
class Trial:
    """How a range test is made.

    Args:
        rates: How many rates are tried.
        repeats: How often.
        total: Steps of the run that is to follow.
        seconds: No further climb is begun after so many; None for no limit.
        asked_to_stop: Polled now and then.
    """

    rates: int = MOST
    repeats: int = REPEATS
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
        """The test that a run of `total` steps affords: 4 % of them, but 40 at the least.

        Example:
            >>> for total in (200, 3_000, 9_000):
            ...     print(Trial.within(total).rates, Trial.within(total).repeats)
            40 1
            60 2
            100 3
        """
        steps = round(SHARE * total)
        rates = min(MOST, max(FEWEST, steps // 2))
        return cls(rates, min(REPEATS, max(1, steps // rates)), total, seconds, asked_to_stop)


@dataclass(frozen=True, eq=False)
class Tested:
    """A finished range test: the choice, the losses it rests on (R, N), the steps and seconds it took.

    `total` is the number of steps of the run that it was made for.
    """

    choice: RateChoice
    losses_RN: Floats
    steps: int
    seconds: float
    total: int

    def finding(self) -> Finding:
        """What the run's report says about it."""
        one = self.choice
        rose = "never rose again" if one.diverged is None else f"rose again at {one.diverged:.2g}"
        return Finding(
            kind="range_test",
            severity="info",
            message=f"range test: rate {one.rate:.2g}; the loss fell fastest at {one.steepest:.2g}, was "
            f"lowest at {one.lowest:.2g} and {rose} ({self.steps} steps beside the run's {self.total}, "
            f"{self.seconds:.1f} s)",
            evidence={"rate": one.rate, "steepest": one.steepest, "lowest": one.lowest}
            | ({} if one.diverged is None else {"diverged": one.diverged})
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
        }


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
) -> Tested:
    """Try growing rates on a copy of the network, with the recipe's optimizer and techniques.

    The network and the random state are as before afterwards.

    Args:
        recipe: Settled but for `optimizer.lr` (and `head_lr`, which follows it).
        network: Where training will start.
        groups: Its layer groups.
        source: Training batches.
        loss: (logits (B, K), targets) → (B,).
        ours: Gives the distance between the rates of backbone and head.
        world: Device, precision, processes.
        trial: How many rates and repeats.

    Raises:
        Interrupted: Somebody asked to stop.
        TrainingError: No rate makes the loss fall.
    """
    started, steps = time.monotonic(), 0
    rates_N = np.geomspace(*span(recipe.optimizer.name), trial.rates)
    climbs: list[Floats] = []
    with _random_state_kept():
        for number in range(trial.repeats):
            over = trial.seconds is not None and time.monotonic() - started > trial.seconds / 2
            if number and world.agree(over):
                break
            unit = _unit(recipe.replace(seed=recipe.seed + number), ours)
            climb = _Climb(unit, source, loss, world, trial.asked_to_stop, number)
            losses_N = climb.losses(copy.deepcopy(network), groups, rates_N)
            steps += int(np.isfinite(losses_N).sum())
            climbs.append(losses_N)
    losses_RN = np.stack(climbs)
    choice = world.agree(choose_rate(rates_N, losses_RN, optimizer=recipe.optimizer.name))
    return Tested(choice, losses_RN, steps, time.monotonic() - started, trial.total)


@dataclass(frozen=True)
class _Climb:
    """One way up through the rates; `recipe` has a rate of 1 and a constant schedule."""

    recipe: Recipe
    source: Source
    loss: LossFunction
    world: World
    asked_to_stop: Callable[[], bool]
    number: int

    def losses(self, network: nn.Module, groups: tuple[LayerGroup, ...], rates_N: Floats) -> Floats:
        """The loss of each step (N,), NaN after the last; the network is used up."""
        plan = Plan(len(rates_N), len(rates_N) + 1, len(rates_N))
        freeze(network, groups, self.recipe.layers.train)
        network.to(self.world.device)
        try:
            state, model = prepare(self.recipe, network, groups, plan, self.world)
            with state.parts.on_model(network):
                return self._stepped(state, model, groups, rates_N, plan)
        finally:
            # Accelerate would hold on to the copy.
            self.world.accelerator.free_memory()

    def _stepped(
        self, state: State, model: nn.Module, groups: tuple[LayerGroup, ...], rates_N: Floats, plan: Plan
    ) -> Floats:
        job = Job(
            recipe=self.recipe,
            model=model,
            source=self.source,
            loss=self.loss,
            measure=lambda: (0.0, {}),
            metric="accuracy",
            evaluate_every=plan.evaluate_every,
            freeze_norms=self.recipe.layers.batch_norm == "frozen",
            groups=groups,
        )
        around = surroundings(self.world, Silent(), plan, Places())
        thaw(job, state, around)
        set_training(job)
        units = [group["base_lr"] for group in state.optimizer.param_groups]
        losses_N = np.full(len(rates_N), np.nan)
        for step, (rate, batch) in enumerate(zip(rates_N, self._batches(), strict=False)):
            for group, unit in zip(state.optimizer.param_groups, units, strict=True):
                group["base_lr"] = unit * float(rate)
            part, _ = take_step(job, state, around, batch)
            losses_N[step] = float(self.world.sum(part))
            if not losses_N[step] <= LIMIT * max(losses_N[0], 1e-12):
                break
            self._leave_if_asked(step)
        return losses_N

    def _batches(self) -> Iterator[Batch]:
        """Batches without an end, others in every climb."""
        per_epoch = len(self.source)
        for epoch in itertools.count(self.number * math.ceil(MOST / per_epoch)):
            yield from self.source.epoch(epoch)

    def _leave_if_asked(self, step: int) -> None:
        if step % AGREE_EVERY == 0 and self.world.agree(self.asked_to_stop()):
            raise Interrupted("stopped during the range test; nothing was trained yet")


def _unit(recipe: Recipe, ours: DefaultRates) -> Recipe:
    """The recipe at a rate of 1, kept there; layers that are to be unfrozen one by one all learn at once."""
    layers = recipe.layers
    return recipe.replace(
        optimizer=with_rate(recipe.optimizer, 1.0, ours),
        schedule=Schedule(name="constant", warmup=0.0),
        layers=layers.replace(train="all") if isinstance(layers.train, Gradual) else layers,
    )


@contextmanager
def _random_state_kept() -> Iterator[None]:
    """Torch's random streams as they were, after the block."""
    devices = range(torch.cuda.device_count()) if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=list(devices)):
        yield
