"""One training of a Job with some changes: from the first weights to scores on validation."""

from __future__ import annotations

import copy
import math
import random
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn

from upfit.data.generators import generators_in
from upfit.diagnose.doctor import Doctor
from upfit.diagnose.job import Job, built
from upfit.diagnose.preflight.calls import Calls
from upfit.diagnose.preflight.failures import facts_of_failure
from upfit.diagnose.treat_course import (
    Course,
    count_batches,
    course_of,
    cut_up,
    reset_weights,
    steps_of,
)
from upfit.diagnose.treat_inputs import Scaled, passed_unnoticed, scaled, statistics, wants_scale
from upfit.diagnose.treat_loader import reloaded
from upfit.diagnose.treat_loss import mended_loss
from upfit.diagnose.treat_scores import Scored, scored
from upfit.diagnose.treat_surgery import PATHS, Anatomy, anatomy_of, operate
from upfit.diagnose.treat_usual import optimizer_of
from upfit.errors import InputError
from upfit.measure import baseline_scores, metrics, paired_gain
from upfit.values import Change, Estimate, Finding, Trace

LOOKS = 4
"""Evaluations at least in a watched run: curves need some points."""


@dataclass(frozen=True, eq=False)
class Attempt:
    """A finished training.

    Args:
        changes: What it was made with.
        model: As trained, with its best weights where patience was asked for.
        end: Its scores on validation; None where it broke off.
        findings: Of a watched one, ranked.
        trace: Of a watched one.
        steps: Optimizer steps that were taken.
        seconds: What it took.
        failure: Why it broke off, in words; empty where it did not.
    """

    changes: tuple[Change, ...]
    model: nn.Module
    end: Scored | None
    findings: tuple[Finding, ...] = ()
    trace: Trace = field(default_factory=Trace)
    steps: int = 0
    seconds: float = 0.0
    failure: str = ""

    def value(self, metric: str) -> float | None:
        """Its metric on validation; None where it broke off or the targets do not define it."""
        if self.end is None:
            return None
        found = metrics(self.end.task, self.end.scores, self.end.targets, also=metric)
        value = found.get(metric)
        return value if value is not None and math.isfinite(value) else None

    def gain(self, other: Attempt, metric: str) -> Estimate | None:
        """What this gains over another, paired over validation examples; None where either broke off."""
        if self.end is None or other.end is None:
            return None
        same = self.end.scores.shape == other.end.scores.shape
        if not same:
            return None
        return paired_gain(self.end.task, metric, self.end.scores, other.end.scores, self.end.targets)

    def is_guessing(self, metric: str) -> bool:
        """Whether it classifies no better than the commonest class for all would, beyond noise."""
        if self.end is None or self.end.task not in ("binary", "multiclass"):
            return False
        truth, classes = self.end.targets, self.end.scores.shape[1]
        guess = baseline_scores(self.end.task, truth, len(truth), classes)
        return paired_gain(self.end.task, metric, self.end.scores, guess, truth).low <= 0


@dataclass(frozen=True)
class Limits:
    """How long one attempt may be.

    Args:
        fraction: Of the steps that the changes ask for.
        until: `time.monotonic()` at which it ends wherever it is; None for no limit.
        preflight: Seconds for the one-step tests that train a little; None leaves all of them out.
        watched: Whether the Doctor watches.
    """

    fraction: float = 1.0
    until: float | None = None
    preflight: float | None = None
    watched: bool = False


def attempt(job: Job, changes: tuple[Change, ...], *, seed: int, limits: Limits | None = None) -> Attempt:
    """Train from new weights. Running out of memory ends it and is told, and so is what changes break.

    Without changes, other errors are the caller's.

    Args:
        job: What to train.
        changes: Edits, the latest last.
        seed: Of weights and order; generators inside the loaders start from where they are now, each time.
        limits: How far to go.
    """
    limits, begun = limits or Limits(), time.monotonic()
    job = reloaded(job, changes)
    known = statistics(job) if wants_scale(changes) else None
    example = _first(job) if any(change.path in PATHS for change in changes) else None
    back = generators_in(job.train) + generators_in(job.validation)
    _seed(seed)
    course = course_of(job, changes)
    model, optimizer, loss_fn = built(job, changes)
    optimizer = optimizer_of(model, optimizer, changes)
    if example is not None:
        calls = Calls(model, loss_fn, job.forward)
        operate(model, optimizer, changes, anatomy_of(model, calls, calls.split(example)))
    if course.reset:
        reset_weights(model)
    model, loss_fn = scaled(model, mended_loss(loss_fn, changes), changes, known)
    calls = Calls(model, loss_fn, job.forward)
    doctor = None
    if limits.watched:
        doctor = Doctor(
            model, optimizer, loss_fn, job.train, job.validation, task=job.task, forward=job.forward
        )
    taken, failure, end = 0, "", None
    loop = _Loop(job, course, calls, optimizer, doctor)
    try:
        # Tests take whole batches: not where those do not fit into memory.
        if doctor is not None and limits.preflight is not None and course.cut == 1:
            doctor.preflight(seconds=limits.preflight)
        taken, failure = loop.train(seed, limits)
        end = scored(calls, job.validation, job.task)
    except Exception as error:
        # What only a change brings about (batch statistics of a lone example, say) is an end of that attempt.
        if not facts_of_failure(error) and not changes:
            raise
        if doctor is not None:
            doctor.failed(error)
        failure = f"{type(error).__name__}: {error}".splitlines()[0]
    finally:
        for restore in back:
            restore()
        if doctor is not None:
            doctor.close()
    return Attempt(
        changes=changes,
        model=model,
        end=end,
        findings=() if doctor is None else doctor.findings,
        trace=Trace() if doctor is None else doctor.trace,
        steps=taken,
        seconds=time.monotonic() - begun,
        failure=failure,
    )


def anatomy(job: Job, model: nn.Module) -> Anatomy | None:
    """The modules that a batch of the job passes through; None where the model cannot be asked."""
    model = model.model if isinstance(model, Scaled) else model
    calls = Calls(model, lambda *_: 0.0, job.forward)
    try:
        return anatomy_of(model, calls, calls.split(_first(job)))
    except (RuntimeError, TypeError, ValueError, InputError):
        return None


def _first(job: Job) -> Any:
    """The first training batch; random states are as before."""
    with passed_unnoticed(job.train) as batches:
        return next(batches, None)


@dataclass(eq=False)
class _Loop:
    """The plain loop, with what it works on."""

    job: Job
    course: Course
    calls: Calls
    optimizer: Any
    doctor: Doctor | None
    best: tuple[float, dict[str, torch.Tensor]] | None = None
    stale: int = 0

    def train(self, seed: int, limits: Limits) -> tuple[int, str]:
        """Steps taken, and why it broke off before its time (empty where it did not)."""
        batches = count_batches(self.job.train)
        total = self.course.total(batches)
        last = max(1, math.ceil(limits.fraction * total))
        per_epoch = max(1, batches * self.course.apart // self.course.gather)
        every = max(1, min(per_epoch, last // LOOKS))
        base = [group["lr"] for group in self.optimizer.param_groups]
        self.calls.model.train()
        groups = steps_of(self.job.train, self.course.gather, seed=seed, apart=self.course.apart)
        for number, group in enumerate(groups, 1):
            rate = self.course.rate(number - 1, total)
            for parameters, lr in zip(self.optimizer.param_groups, base, strict=True):
                parameters["lr"] = lr * rate
            loss = self.step(group)
            if not math.isfinite(loss):
                return number, "the loss is not finite"
            over = limits.until is not None and time.monotonic() > limits.until
            if (number % every == 0 or number == last or over) and not self.look():
                break
            if number == last or over:
                break
        if self.best is not None:
            self.calls.model.load_state_dict(self.best[1])
        return number, ""

    def step(self, group: list[Any]) -> float:
        """One optimizer step over the batches of a group; their mean loss."""
        total = 0.0
        for batch in group:
            for piece, share in cut_up(batch, self.course.cut):
                loss = self.calls.loss(*self.calls.asked(piece))
                (loss * share / len(group)).backward()
                total += float(loss.detach()) * share / len(group)
        if self.doctor is not None:
            # Before clipping, so that what is clipped away is seen.
            self.doctor.step(loss)
        if self.course.clip is not None:
            nn.utils.clip_grad_norm_(self.calls.model.parameters(), self.course.clip)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return total

    def look(self) -> bool:
        """Validate where somebody watches or waits; False where patience has run out."""
        if self.doctor is None and self.course.patience is None:
            return True
        now = scored(self.calls, self.job.validation, self.job.task)
        if self.doctor is not None:
            found = metrics(now.task, now.scores, now.targets)
            self.doctor.validated({"loss": now.loss, **found})
        if self.course.patience is None:
            return True
        if self.best is None or now.loss < self.best[0]:
            self.best, self.stale = (now.loss, copy.deepcopy(self.calls.model.state_dict())), 0
            return True
        self.stale += 1
        return self.stale < self.course.patience


def _seed(seed: int) -> None:
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)
