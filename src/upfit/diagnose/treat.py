"""`treat`: train a Job, watch it, and repair what is wrong with it: Run → Finding → Change → Run."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from upfit.diagnose.job import Job
from upfit.diagnose.treat_attempt import Attempt, Limits, anatomy, attempt
from upfit.diagnose.treat_candidates import Edits, Pick, candidates, incurable
from upfit.diagnose.treat_course import count_batches, course_of
from upfit.diagnose.treat_judge import best_alone, judged, judging_metric
from upfit.diagnose.treat_own import own_cures
from upfit.diagnose.treat_trials import LATE, LEAST, Setting, trials
from upfit.diagnose.treat_usual import LONGER, further, usual_recipes
from upfit.errors import InputError, RecipeError, TrainingError
from upfit.measure import evidence, primary_metric
from upfit.measure.metrics import family_of
from upfit.values import Change, Cure, Finding, Predictions, Recipe, Run, Schema, Split
from upfit.values.budget import seconds as read_seconds

LOG = logging.getLogger("upfit")

ROUNDS = 8
"""Of trials: illnesses that are cured one after another, or candidates that have their turn."""
PATIENT = 2
"""Cures that showed nothing in a part of the steps, and are tried for all of them when no other is left."""
SHORT = 2000
"""Steps up to which length is no price."""
FIRST_SHARE = 0.5
"""Of a budget, what the first run may take: trials and the repaired run need the rest."""
PREFLIGHT_SHARE = 0.02
PREFLIGHT_SECONDS = 2.0
"""For each one-step test that trains a little."""
RUNS_A_ROUND = 3.0
"""What a round costs in whole runs: two seeds of four trials of a quarter, and the repaired run."""
USUAL_RUNS = 14.0
"""The same of usual recipes: two seeds of five trials of a whole run's length, and one of four."""


def treat(job: Job, budget: str | float | None = None, *, seed: int = 0) -> Run:
    """Train, watch, and repair; a cure stays only where validation shows a gain beyond noise.

    The Doctor watches a first run. Where it finds an illness that Changes may cure, up to three of them are
    tried at a fraction of the steps, each with the same two seeds as the run without it. The best of those
    that gain beyond noise is kept, the job is run again with it, and the Doctor looks again. Where the whole
    run does not gain either, the cure is undone.

    Args:
        job: What to train.
        budget: Wall-clock limit, e.g. `"2m"`, or seconds; None takes what it needs.
        seed: Of weights and order.

    Returns:
        A Run whose `module` is the best model, `findings` what is still wrong with it, and `ledger` every
        cure: what, why, before, after, and the interval of its gain. A finding that no Change can cure is
        in the ledger too, with what can (`outcome="impossible"`).

    Raises:
        InputError: `build`, a loader or the task cannot be understood.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from sklearn.datasets import load_iris
        >>> from torch.utils.data import DataLoader
        >>> x, y = (torch.as_tensor(part) for part in load_iris(return_X_y=True))
        >>> pairs = list(zip((x.float() - x.float().mean(0)) / x.float().std(0), y))
        >>> def build(changes):
        ...     settings = {"optimizer.lr": 0.1} | {change.path: change.to for change in changes}
        ...     model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3))
        ...     optimizer = torch.optim.SGD(model.parameters(), lr=settings["optimizer.lr"], momentum=0.9)
        ...     return model, optimizer, nn.CrossEntropyLoss()
        >>> loaders = [DataLoader(pairs[i::2], batch_size=16, shuffle=not i) for i in (0, 1)]
        >>> run = treat(Job(build, *loaders, epochs=10), budget="1m")
        >>> run.validation["accuracy"].value > 0.8
        True
    """
    if not isinstance(job, Job):
        got = type(job).__name__  # type: ignore[unreachable]  # for callers without a type checker
        hint = "upfit.treat(upfit.Job(build, train, validation, epochs=5))"
        raise InputError("what is to be treated is a Job", expected="an upfit.Job", got=got, hint=hint)
    limit = _Limit.of(budget)
    first = attempt(job, (), seed=seed, limits=limit.first())
    if first.end is None and not candidates(_curable(job, first)):
        raise TrainingError(f"the run broke off: {first.failure}", hint="doctor.report() says more")
    _say_if_cut_short(job, first, budget)
    metric = _metric(job, first)
    best, ledger, kept = first, list[Cure](), tuple[Change, ...]()
    queue = _Queue(job)
    for _ in range(ROUNDS):
        picks, whole = queue.next(best, kept)
        share = limit.share(best, USUAL_RUNS if whole is False else RUNS_A_ROUND)
        if not picks or share * best.steps < min(LEAST, best.steps):
            break
        queue.tried += tuple(change for _, changes in picks for change in changes)
        setting = Setting(job, kept, metric, seed, share, limit.until, whole=whole)
        lines = trials(setting, picks, best)
        lines = best_alone(lines, lost="; another cure gained more")
        ledger += lines
        winner = next((cure for cure in lines if cure.is_kept), None)
        if winner is None and whole and _is_ill(best):
            winner = _most_hopeful(lines, metric)
        if winner is None:
            # The next candidates have their turn: those of this round were not the cure, or not so soon.
            queue.postpone(picks, lines, whole)
            continue
        pick = picks[lines.index(winner)]
        again = attempt(job, (*kept, *winner.changes), seed=seed, limits=limit.watched())
        line = _whole(winner, best, again, metric, first)
        ledger[ledger.index(winner)] = line
        if line.is_kept:
            best, kept = again, (*kept, *winner.changes)
            queue.won(pick, again)
    return _run(job, best, (*ledger, *incurable(_curable(job, best))), metric)


def _say_if_cut_short(job: Job, first: Attempt, budget: str | float | None) -> None:
    """A first run that the budget ended is little to judge by, and leaves little time for cures."""
    planned = course_of(job, ()).total(count_batches(job.train))
    if first.end is not None and not first.failure and first.steps < planned:
        LOG.warning(
            "a budget of %s ended the first run after %d of %d steps: cures are judged on so many",
            budget,
            first.steps,
            planned,
        )


@dataclass
class _Queue:
    """What is tried next: cures of findings, those that showed nothing at once, then usual recipes."""

    job: Job
    tried: Edits = ()
    slow: tuple[Pick, ...] = ()
    is_usual_over: bool = False
    cured: Finding | None = None

    def next(self, best: Attempt, kept: Edits) -> tuple[tuple[Pick, ...], bool | None]:
        """The picks of a round, and whether they are tried for the whole length (None: as the illness is)."""
        curable = _curable(self.job, best)
        fresh = candidates(curable, tried=(*kept, *self.tried))
        if fresh:
            return tuple((finding, (change,)) for finding, change in fresh), None
        if self.slow:
            picks, self.slow = self.slow[:PATIENT], ()
            return picks, True
        if self.is_usual_over:
            return (), None
        self.is_usual_over = True
        epochs = max(LONGER * self.job.epochs, course_of(self.job, kept).epochs)
        if picks := usual_recipes(self.job, curable, anatomy(self.job, best.model), epochs=epochs):
            return picks, False
        short = self.cured is not None and not _is_ill(best) and LONGER * best.steps <= SHORT
        return further(self.cured, epochs=epochs) if short and self.cured else (), True

    def postpone(self, picks: tuple[Pick, ...], lines: Iterable[Cure], whole: bool | None) -> None:
        """None of the picks was kept; those that left it open have a second turn, for the whole length."""
        if not whole and not {finding.kind for finding, _ in picks} & LATE:
            self.slow += tuple(pick for pick, line in zip(picks, lines, strict=True) if _is_open(line))

    def won(self, pick: Pick, now: Attempt) -> None:
        """What did not help before a cure may help after it: two faults at once are common.

        A short run that gained from being longer is made longer once more.
        """
        self.tried, self.slow, self.cured = (), (), pick[0]
        longer = [change for change in pick[1] if change.path == "stopping.epochs"]
        if len(pick[1]) == len(longer) and LONGER * now.steps <= SHORT:
            again = longer[-1].replace(to=LONGER * longer[-1].to)
            self.slow = ((pick[0], (again,)),)


@dataclass(frozen=True)
class _Limit:
    """The budget as a clock."""

    budget: float | None
    begun: float

    @classmethod
    def of(cls, budget: str | float | None) -> _Limit:
        return cls(None if budget is None else read_seconds(budget), time.monotonic())

    @property
    def until(self) -> float | None:
        return None if self.budget is None else self.begun + self.budget

    def first(self) -> Limits:
        """Of the first run: part of the budget, with the one-step tests."""
        until = None if self.budget is None else self.begun + FIRST_SHARE * self.budget
        return Limits(until=until, preflight=self.tests, watched=True)

    def watched(self) -> Limits:
        """Of a repaired run: with the same tests, or what is left of an illness could not be told."""
        return Limits(until=self.until, preflight=self.tests, watched=True)

    @property
    def tests(self) -> float:
        """Seconds for each one-step test that trains a little."""
        return (
            PREFLIGHT_SECONDS
            if self.budget is None
            else min(PREFLIGHT_SECONDS, PREFLIGHT_SHARE * self.budget / 3)
        )

    def share(self, run: Attempt, runs: float) -> float:
        """Part of the usual length that trials may have so that the repaired run fits in too.

        Args:
            run: A whole run.
            runs: What the round costs, in such runs.
        """
        if self.until is None:
            return 1.0
        left = self.until - time.monotonic()
        return max(0.0, min(1.0, left / max(1e-6, runs * run.seconds)))


def _metric(job: Job, first: Attempt) -> str:
    task = first.end.task if first.end is not None else None
    if task is None:
        named = {"regression": "rmse", "multilabel": "map"}
        return job.metric or named.get(job.task, "accuracy")
    if job.metric:
        family_of(task, job.metric)
    return job.metric or primary_metric(task)


def _curable(job: Job, run: Attempt) -> tuple[Finding, ...]:
    """The findings with the cures that make sense here: nobody can thaw what is not frozen."""
    thawed = all(parameter.requires_grad for parameter in run.model.parameters())

    def helps(cure: Change) -> bool:
        return not (thawed and (cure.path, cure.to) == ("layers.train", "all"))

    found = anatomy(job, run.model)
    return tuple(
        one.replace(cures=(*own_cures(job, one.kind, found), *filter(helps, one.cures)))
        for one in run.findings
    )


def _is_open(line: Cure) -> bool:
    """Whether a trial left it open if the cure helps: no clear harm, and no end before its time.

    A lower rate may be behind after a part of the steps and ahead at the end.
    """
    slower = line.kind == "lr_too_large"
    return line.outcome == "undone" and (slower or line.gain is None or line.gain.high >= 0)


def _is_ill(run: Attempt) -> bool:
    return any(one.severity != "info" for one in run.findings)


def _most_hopeful(lines: Iterable[Cure], metric: str) -> Cure | None:
    """The cure that was ahead most over its whole length, though within noise; None where none was ahead."""
    ahead = [line for line in lines if line.gain is not None and line.gain.value > 0]
    ahead = [line for line in ahead if line.metric == metric]
    return max(ahead, key=lambda line: line.gain.value if line.gain else 0.0, default=None)


def _is_cured(first: Attempt, before: Attempt, after: Attempt, metric: str) -> bool:
    """Whether a run is well, beyond noise better than the first one, and ahead of one that is still ill."""
    against_first, gain = after.gain(first, metric), after.gain(before, metric)
    if _is_ill(after) or not _is_ill(before) or gain is None:
        return False
    return gain.value > 0 and (first.end is None or (against_first is not None and against_first.low > 0))


def _whole(winner: Cure, before: Attempt, after: Attempt, metric: str, first: Attempt) -> Cure:
    """The winner's line with the figures of whole runs; undone where those show no gain beyond noise.

    A gain within noise is enough where it leaves nothing wrong with a run that was still ill, and the first
    run is left behind beyond noise.
    """
    if winner.metric != metric:
        metric = judging_metric(winner.kind, before, after, metric)
    gain = after.gain(before, metric)
    if after.end is None:
        return winner.replace(outcome="failed", why=f"{winner.why}; the whole run broke off: {after.failure}")
    kept = before.end is None or (gain is not None and judged([gain])[1])
    kept = kept or _is_cured(first, before, after, metric)
    return winner.replace(
        outcome="kept" if kept else "undone",
        metric=metric,
        before=before.value(metric),
        after=after.value(metric),
        gain=gain,
        steps=after.steps,
        seconds=winner.seconds + after.seconds,
    )


def _run(job: Job, best: Attempt, ledger: tuple[Cure, ...], metric: str) -> Run:
    if best.end is None:
        raise TrainingError(f"the run broke off, and no cure helped: {best.failure}")
    end, count = best.end, _examples(job.train)
    rows = np.arange(count, count + len(end.targets))
    classes = () if end.task == "regression" else tuple(str(k) for k in range(end.scores.shape[1]))
    return Run(
        recipe=_recipe(best.changes),
        schema=Schema(columns=(), target=("target",), task=end.task, classes=classes),
        data_fingerprint="",
        split=Split(np.arange(count), rows, rows[:0], "given by two loaders"),
        trace=best.trace,
        metric=metric,
        validation=evidence(end.task, end.scores, end.targets, also=metric),
        findings=best.findings,
        ledger=ledger,
        predictions=Predictions(rows, end.scores, end.targets),
        result={"changes": [change.model_dump(mode="json") for change in best.changes]},
        module=best.model,
    )


def _recipe(changes: tuple[Change, ...]) -> Recipe:
    """The changes that a recipe knows, made in one."""
    recipe = Recipe()
    for change in changes:
        try:
            recipe = recipe.apply(change)
        except RecipeError:
            continue
    return recipe


def _examples(loader: object) -> int:
    try:
        return len(loader.dataset)  # type: ignore[attr-defined]
    except (AttributeError, TypeError):
        return 0
