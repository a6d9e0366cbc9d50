"""Evaluation within a run: measure, remember the best, cut the rate, stop where nothing is gained."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from upfit.measure import higher_is_better
from upfit.techniques.schedules.plateau import cut_on_plateau
from upfit.train.job import Job, Surroundings, set_training
from upfit.train.selection import is_better, level_within
from upfit.train.state import State
from upfit.values import Evaluation, Event


def evaluate(job: Job, state: State, around: Surroundings, seconds: float) -> None:
    """Measure validation with the weights that would be kept, and remember the best."""
    with borrowed(state.network, state.averaged()):
        loss, metrics = job.measure()
    set_training(job)
    # A metric that these targets do not define (AUROC of one class) leaves the choice to the loss.
    value = metrics.get(job.metric, 0.0) * (1 if higher_is_better(job.metric) else -1)
    state.peak = value if state.peak is None else max(value, state.peak)
    best = None if state.best is None else (state.best.value, state.best.loss)
    level = level_within(job.metric, abs(state.peak), job.judged)
    better = is_better(value, loss, best=best, peak=state.peak, level=level)
    if better:
        state.remember_best(value, loss)
    state.waited(value, better, least=job.recipe.stopping.min_delta)
    epoch = state.step / len(job.source)
    record = Evaluation(state.step, epoch, loss, metrics, better, seconds)
    around.journal.add(record)
    around.watcher.evaluation(record)
    if job.recipe.schedule.name == "plateau":
        cut_rate(job, state, around, better)
    patience = job.recipe.stopping.patience
    if patience is not None and state.stale >= patience and not state.done():
        state.stopped = f"no progress in {patience} evaluations"
        around.tell(Event(state.step, "early_stop", state.stopped))
    around.watch.evaluated(job, state)
    around.pace.evaluated()


def cut_rate(job: Job, state: State, around: Surroundings, better: bool) -> None:
    """What schedule `plateau` makes of an evaluation."""
    before = state.plateau_factor
    state.plateau_factor, state.plateau_stale = cut_on_plateau(
        before, state.plateau_stale, better=better, schedule=job.recipe.schedule
    )
    if state.plateau_factor != before and not state.done():
        text = f"no progress on validation: the rate is now {state.plateau_factor:g} of the full one"
        around.tell(Event(state.step, "plateau", text, {"factor": state.plateau_factor}))


@contextmanager
def borrowed(network: nn.Module, weights: dict[str, torch.Tensor]) -> Iterator[None]:
    """The network with other weights for the length of a block; no weights, no change."""
    if not weights:
        yield
        return
    own = {name: value.detach().clone() for name, value in network.state_dict().items()}
    network.load_state_dict(weights)
    try:
        yield
    finally:
        network.load_state_dict(own)
