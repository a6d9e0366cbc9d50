"""A climb: training on a copy of a network with a rate of its own at every step, as a range test does."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from upfit.errors import Interrupted
from upfit.models.groups import LayerGroup
from upfit.techniques.holding import LOOKS, Floats, Hold, held_rates
from upfit.train.job import Job, Source, set_training
from upfit.train.learning import freeze
from upfit.train.loop import take_step, thaw
from upfit.train.objective import LossFunction
from upfit.train.rates import DefaultRates, following
from upfit.train.state import State
from upfit.train.tune import Places, Plan, prepare, surroundings
from upfit.train.world import Batch, World
from upfit.values import Recipe, Silent
from upfit.values.layers import Gradual
from upfit.values.recipe import Schedule

MOST = 100
"""Steps of a climb, at most."""
LIMIT, FIRST = 3.0, 5
"""A climb ends where the loss is so many times the greatest of its first few: batches are unlike, and the
first rates move nothing."""
AGREE_EVERY = 10
"""Steps between the questions whether somebody wants to stop."""


@dataclass(frozen=True)
class Climb:
    """One way up through the rates; `recipe` has a rate of 1 and a constant schedule."""

    recipe: Recipe
    source: Source
    loss: LossFunction
    world: World
    asked_to_stop: Callable[[], bool]
    number: int

    def losses(
        self,
        network: nn.Module,
        groups: tuple[LayerGroup, ...],
        rates_N: Floats,
        look: Callable[[int], None] | None = None,
    ) -> Floats:
        """The loss of each step (N,), NaN after the last; the network is used up. `look` follows a step."""
        plan = Plan(len(rates_N), len(rates_N) + 1, len(rates_N))
        freeze(network, groups, self.recipe.layers.train)
        network.to(self.world.device)
        try:
            state, model = prepare(self.recipe, network, groups, plan, self.world)
            with state.parts.on_model(network):
                return self._stepped(state, self._job(model, groups, plan), rates_N, plan, look)
        finally:
            # Accelerate would hold on to the copy.
            self.world.accelerator.free_memory()

    def _job(self, model: nn.Module, groups: tuple[LayerGroup, ...], plan: Plan) -> Job:
        return Job(
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

    def _stepped(
        self, state: State, job: Job, rates_N: Floats, plan: Plan, look: Callable[[int], None] | None
    ) -> Floats:
        around = surroundings(self.world, Silent(), plan, Places())
        thaw(job, state, around)
        set_training(job)
        units = [group["base_lr"] for group in state.optimizer.param_groups]
        losses_N = np.full(len(rates_N), np.nan)
        for step, (rate, batch) in enumerate(zip(rates_N, endless(self.source, self.number), strict=False)):
            for group, unit in zip(state.optimizer.param_groups, units, strict=True):
                group["base_lr"] = unit * float(rate)
            part, _ = take_step(job, state, around, batch)
            losses_N[step] = float(self.world.sum(part))
            if has_diverged(losses_N[: step + 1]):
                break
            self._leave_if_asked(step)
            if look is not None:
                look(step + 1)
                set_training(job)
        return losses_N

    def _leave_if_asked(self, step: int) -> None:
        if step % AGREE_EVERY == 0 and self.world.agree(self.asked_to_stop()):
            raise Interrupted("stopped during the range test; nothing was trained yet")


def has_diverged(losses_S: Floats) -> bool:
    """Whether the last of a climb's losses (S,) ends it.

    >>> has_diverged(np.array([0.4, 1.3])), has_diverged(np.array([0.4, np.nan]))
    (False, True)
    >>> has_diverged(np.array([0.4, 1.3, 0.4, 0.5, 0.6, 4.0]))
    True
    """
    now, first = float(losses_S[-1]), float(losses_S[:FIRST].max())
    return not math.isfinite(now) or (len(losses_S) > FIRST and now > LIMIT * max(first, 1e-12))


def held(
    climb: Climb,
    network: nn.Module,
    groups: tuple[LayerGroup, ...],
    rate: float,
    steps: int,
    *,
    held_out: Callable[[nn.Module], float],
) -> Hold:
    """Train the network at one rate, with looks before the first step and every so many; it is used up."""
    looks, losses = [0], [held_out(network.to(climb.world.device))]
    every = max(1, steps // LOOKS)

    def look(step: int) -> None:
        if step % every == 0:
            looks.append(step)
            losses.append(held_out(network))

    losses_N = climb.losses(network, groups, held_rates(rate, steps), look)
    return Hold.of(rate, losses_N, looks, losses)


def endless(source: Source, number: int) -> Iterator[Batch]:
    """Batches without an end, others for every climb, which are numbered from 0."""
    for epoch in itertools.count(number * math.ceil(MOST / len(source))):
        yield from source.epoch(epoch)


def unit_recipe(recipe: Recipe, ours: DefaultRates) -> Recipe:
    """The recipe at a rate of 1, kept there; layers that are to be unfrozen one by one all learn at once."""
    layers = recipe.layers
    return recipe.replace(
        optimizer=following(recipe.optimizer, 1.0, ours),
        schedule=Schedule(name="constant", warmup=0.0),
        layers=layers.replace(train="all") if isinstance(layers.train, Gradual) else layers,
    )


@contextmanager
def random_state_kept() -> Iterator[None]:
    """Torch's random streams as they were, after the block."""
    devices = range(torch.cuda.device_count()) if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=list(devices)):
        yield
