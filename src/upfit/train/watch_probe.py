"""The probe: a few training examples, always the same, shown to the network now and then."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field

import torch
from torch import nn

from upfit.measure.inside.activations import Watching
from upfit.measure.inside.layers import has_random_or_batch_layers
from upfit.measure.inside.scores import Task, agreement
from upfit.measure.inside.units import Looked
from upfit.train.backward import example_losses
from upfit.train.job import Job, Source, set_training
from upfit.train.micro import can_be_cut, pieces, row_count
from upfit.train.out_of_memory import Moment, empty_cache, is_out_of_memory
from upfit.train.state import State
from upfit.train.watch_cost import FEWEST, MOST, probe_gap, probe_plan
from upfit.train.world import Batch, World
from upfit.values.trace import Health


@dataclass(eq=False)
class Probe:
    """Shows the probe examples after some evaluations; what it decides is kept in the State."""

    batches: list[Batch] = field(default_factory=list)
    frozen: int = -1
    last: float = math.nan
    shown: bool = False

    def offered(self, job: Job, batch: Batch) -> None:
        """Keep the first batches of a source that may not be passed over just for looking.

        A user's own loader may draw from a random stream of its own, which another pass would move.
        """
        if not can_be_repeated(job.source) and sum(map(row_count, self.batches)) < MOST:
            self.batches.append(batch)

    def forget(self, frozen: int) -> None:
        """Fetch the examples anew if other layers are frozen ahead now: their activations are fed instead."""
        if frozen != self.frozen:
            self.batches.clear()
            self.frozen = frozen

    def after_evaluation(self, job: Job, state: State, world: World) -> Health | None:
        """The record of a probe, or None where none is due."""
        now = time.perf_counter()
        between, self.last = now - self.last, now
        number = -(-state.step // job.evaluate_every)
        if state.probe_size < 0:
            state.probe_size, state.probe_gap = self._plan(job, state)
        if state.probe_size == 0 or not self._is_due(number, state):
            return None
        try:
            health = self._show(job, state, world)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            state.probe_size = 0
            empty_cache()
            return None
        self.shown = True
        taken = time.perf_counter() - now
        if math.isfinite(between):
            state.probe_gap = probe_gap(state.probe_gap, taken, between)
        self.last = time.perf_counter()
        return health

    def _is_due(self, number: int, state: State) -> bool:
        """In the middle of each stretch of evaluations, and at the end of a run that had no probe."""
        middle = (state.probe_gap + 1) // 2 % state.probe_gap
        return number % state.probe_gap == middle or (state.done() and not self.shown)

    def _plan(self, job: Job, state: State) -> tuple[int, int]:
        """How many examples are probed, and at every how-many-th evaluation, from the run's length."""
        batches = self.batches or [next(iter(job.source.epoch(0)))]
        passes = 2 if has_random_or_batch_layers(state.network) else 1
        evaluations = -(-state.total_steps // job.evaluate_every)
        return probe_plan(state.total_steps, row_count(batches[0]), passes=passes, evaluations=evaluations)

    def _show(self, job: Job, state: State, world: World) -> Health:
        """One pass in evaluation mode, and one in training mode where that differs; nothing is changed."""
        if can_be_repeated(job.source) and not self.batches:
            self.batches += cut_to(job.source.epoch(0), state.probe_size, state.micro_size)
        batches = [world.move(one) for one in cut_to(self.batches, state.probe_size, state.micro_size)]
        looked = Looked()
        before = Moment.of(job.model, world.device)
        buffers = [(one, one.clone()) for one in state.network.buffers()]
        try:
            state.network.eval()
            with world.autocast():
                still = passed(job, state.network, batches, looked)
            set_training(job)
            busy = still
            if has_random_or_batch_layers(state.network):
                with world.autocast():
                    busy = passed(job, state.network, batches, None)
        finally:
            set_training(job)
            for buffer, copy in buffers:
                buffer.copy_(copy)
            before.put_back(world.device)
        return Health(
            step=state.step,
            dead=looked.dead if looked.examples >= FEWEST else {},
            saturated=looked.saturated,
            means=looked.means,
            spreads=looked.spreads,
            train_mode_loss=busy[0],
            evaluation_mode_loss=still[0],
            train_metric=still[1],
            examples=looked.examples,
        )


def can_be_repeated(source: Source) -> bool:
    """Whether another pass over a source leaves no trace; a `Loader` is made so."""
    return hasattr(source, "once")


def cut_to(batches: Iterable[Batch], size: int, at_once: int | None) -> Iterator[Batch]:
    """The first `size` examples of some batches, at most `at_once` of them in each."""
    left = size
    for batch in batches:
        most = min(left, at_once or left)
        for part in pieces(batch, most) if can_be_cut(batch) else [batch]:
            yield part
            left -= row_count(part)
            if left <= 0:
                return


@torch.no_grad()
def passed(job: Job, network: nn.Module, batches: list[Batch], looked: Looked | None) -> tuple[float, float]:
    """Mean loss and score of the network on some batches; `looked` takes in what its activations do."""
    answers, targets, losses = [], [], []
    for batch in batches:
        share = int(batch["share"]) if "share" in batch else row_count(batch)
        # Names of activations count calls within one pass: each batch begins at 1 again.
        with nullcontext() if looked is None else Watching(network, looked.note):
            logits_BK = network(batch)[:share].float()
        losses.append(example_losses(job.loss, logits_BK, batch).mean())
        answers.append(logits_BK)
        targets.append(batch["target"][:share])
        if looked is not None:
            looked.examples += share
    return float(torch.stack(losses).mean()), agreement(answers, targets, task_of(targets[0]))


def task_of(target: torch.Tensor) -> Task:
    """What targets are for: indices of classes, rows of labels, or values.

    Example:
        >>> task_of(torch.tensor([2, 0])), task_of(torch.zeros(2, 5)), task_of(torch.zeros(2, 1))
        ('classification', 'multilabel', 'regression')
    """
    if not target.is_floating_point():
        return "classification"
    return "multilabel" if target.ndim == 2 and target.shape[1] > 1 else "regression"
