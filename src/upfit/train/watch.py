"""Watching a run from inside: what diagnosis needs is measured every N steps and written into the Trace.

Weights, random streams and results are bit for bit those of an unwatched run. N follows from the measured
cost of a look; it is kept in the State, so that a resumed run looks at the same steps.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import nn

from upfit.measure.inside.look import Look
from upfit.models.groups import LayerGroup
from upfit.store import Journal
from upfit.techniques.parts import UNMEASURED
from upfit.train.job import Job
from upfit.train.state import State
from upfit.train.watch_cost import SHARE, look_every
from upfit.train.watch_probe import Probe
from upfit.train.world import Batch, World

EARLY = (1, 2, 4)
"""Steps at which there is always a look; the last of them is timed."""
SETTLED = 8
"""Step after which N is chosen: by then a step has been timed too."""
HELD = 8
"""Looks that stay on the device before they are read, and after which their cost is checked."""
TOO_MUCH = 1.5
"""N is doubled where looks cost so many times their share."""


class Watch:
    """Makes Health records at some steps, and after some evaluations.

    Args:
        journal: Where they are written.
        world: Only its main process looks; gradients are the same in all.
        on: Whether anything is looked at.
    """

    def __init__(self, journal: Journal, world: World, *, on: bool) -> None:
        self.journal = journal
        self.world = world
        self.on = on and world.is_main
        self._open: Look | None = None
        self._held: list[tuple[Look, dict[str, float], int, float]] = []
        self._spent = 0.0
        self._timed: list[float] = []
        self._mark: tuple[int, float] | None = None
        self._probe = Probe()

    def gradients(self, job: Job, state: State, batch: Batch) -> None:
        """Look at the gradients of the coming step, where a look is due; before anything changes them."""
        if self.on:
            self._probe.offered(job, batch)
        if not self._is_due(state):
            return
        began = self._clock(state)
        self._open = Look(state.step + 1, group_weights(state.network, job.groups))
        self._spent = self._clock(state) - began

    def stepped(self, job: Job, state: State, norm: torch.Tensor) -> torch.Tensor:
        """Finish the look once the weights have moved.

        Args:
            job: What is trained.
            state: After the step.
            norm: Of all gradients, `UNMEASURED` where no technique did.

        Returns:
            The norm; that of the weights' gradients where there was none.
        """
        if self._open is not None:
            norm = self._finish(self._open, job, state, norm)
            self._open = None
        if self.on and state.watch_every == 0:
            self._choose(state)
        return norm

    def _finish(self, look: Look, job: Job, state: State, norm: torch.Tensor) -> torch.Tensor:
        began = self._clock(state)
        weights = group_weights(state.network, job.groups)
        look.moved(weights)
        norm = look.gradient_norm.to(norm.device) if norm is UNMEASURED else norm
        rates = rates_of(state.optimizer, weights)
        self._spent += self._clock(state) - began
        self._timed.append(self._spent)
        self._held.append((look, rates, state.watch_every, self._spent))
        self._check(state)
        if len(self._held) >= HELD:
            self.flush()
        return norm

    def evaluated(self, job: Job, state: State) -> None:
        """Probe the network after an evaluation, where that is due."""
        if self.on:
            health = self._probe.after_evaluation(job, state, self.world)
            if health is not None:
                self.journal.add(health)

    def moved(self, frozen: int) -> None:
        """The layers that are frozen ahead have changed, and with them what the network is fed."""
        self._probe.forget(frozen)

    def flush(self) -> None:
        """Write down what was looked at; reads it from the device."""
        for look, rates, every, seconds in self._held:
            self.journal.add(replace(look.health(), rates=rates, every=every, seconds=seconds))
        self._held.clear()

    def drop(self) -> None:
        """Forget what was not written yet: those steps are taken back."""
        self._open, self._mark = None, None
        self._held.clear()

    def _is_due(self, state: State) -> bool:
        number = state.step + 1
        due = number % state.watch_every == 0 if state.watch_every else False
        return self.on and (due or number in EARLY)

    def _choose(self, state: State) -> None:
        """Choose N from the cost of a look and of the steps since the first one."""
        now = time.perf_counter()
        if self._mark is None:
            self._mark, self._timed = (state.step, self._clock(state)), []
        elif state.step >= max(SETTLED, self._mark[0] + 4) and self._timed:
            steps, seconds = state.step - self._mark[0], now - self._mark[1] - sum(self._timed)
            state.watch_every = look_every(sum(self._timed) / len(self._timed), seconds / steps)
            self._mark, self._timed = (state.step, now), []

    def _check(self, state: State) -> None:
        """Look half as often where looks turn out to cost more than they should."""
        now = time.perf_counter()
        if state.watch_every == 0 or (self._mark is not None and len(self._timed) < HELD):
            return
        # Of a run that goes on from a checkpoint nothing is known yet.
        since = math.inf if self._mark is None else now - self._mark[1]
        if sum(self._timed) > TOO_MUCH * SHARE * since:
            state.watch_every *= 2
        self._mark, self._timed = (state.step, now), []

    def _clock(self, state: State) -> float:
        """Seconds; while N is being chosen, of a device that has caught up with Python."""
        if state.watch_every == 0 and self.world.device.type == "cuda":
            torch.cuda.synchronize(self.world.device)
        return time.perf_counter()


def group_weights(network: nn.Module, groups: Sequence[LayerGroup]) -> dict[str, list[torch.Tensor]]:
    """Layer group → its weights that learn now (no biases, no gains), input first; empty groups left out."""
    known = dict(network.named_parameters())
    found: dict[str, list[torch.Tensor]] = {
        group.name: [known[n] for n in group.parameters if n in known and known[n].ndim >= 2]
        for group in groups
    }
    learning = {name: [p for p in own if p.requires_grad] for name, own in found.items()}
    return {name: own for name, own in learning.items() if own}


def rates_of(optimizer: torch.optim.Optimizer, weights: dict[str, list[torch.Tensor]]) -> dict[str, float]:
    """Layer → the greatest learning rate of its weights now; nothing for what the optimizer does not hold.

    Example:
        >>> weight = torch.ones(2, requires_grad=True)
        >>> rates_of(torch.optim.SGD([weight], lr=0.5), {"a": [weight]})
        {'a': 0.5}
    """
    known = {id(p): float(group["lr"]) for group in optimizer.param_groups for p in group["params"]}
    found = {name: [known[id(p)] for p in own if id(p) in known] for name, own in weights.items()}
    return {name: max(rates) for name, rates in found.items() if rates}
