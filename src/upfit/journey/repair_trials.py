"""Trials of cures in a run of ours: each against the recipe as it is, same seeds, for a few steps."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from upfit.diagnose.treat_candidates import Edits, Pick
from upfit.diagnose.treat_judge import best_alone, judged
from upfit.errors import InputError, TrainingError
from upfit.measure import baseline_scores, metrics, paired_gain, telling_metric
from upfit.models import Backbone
from upfit.techniques import check
from upfit.train.layer_choice import tried
from upfit.train.settle import settle
from upfit.train.workbench import Workbench
from upfit.values import Cure, Estimate, Recipe

Scores = npt.NDArray[np.float32]
SHARE = 0.25
"""Of the time left, what all trials of a sick run may take."""
LEAST, MOST = 20, 100
"""Steps of a trial."""
MOST_LONGER = 4.0
"""Times as many steps that a longer training is tried for, at most."""
TRIALS = 6
"""At most: the recipe as it is and three others, and the winner with a second seed against the first."""


@dataclass(frozen=True, eq=False)
class Bedside:
    """What trials need.

    Args:
        bench: With the sick recipe, settled.
        backbone: Loaded; stays as it is.
        metric: What judges.
        asked_to_stop: Polled during trials.
    """

    bench: Workbench
    backbone: Backbone
    metric: str
    asked_to_stop: Any

    def recipe_with(self, edits: Edits) -> Recipe:
        """The recipe with a cure; raises `RecipeError` where it does not fit."""
        recipe = self.bench.recipe.apply(*edits)
        check(recipe)
        return self.settled(recipe)

    def settled(self, recipe: Recipe) -> Recipe:
        """A recipe with what it leaves to us filled in."""
        bench = self.bench
        rows = len(bench.split.train)
        return settle(recipe, modality=self.backbone.modality, task=bench.data.schema.task, count=rows)

    def scores(self, recipe: Recipe, steps: int, *, seed: int) -> Scores:
        """Validation scores after a short training; raises `TrainingError` where it diverges."""
        bench = self.bench.with_recipe(recipe.replace(seed=seed, watch="off"))
        return tried(bench, self.backbone, self.length(recipe, steps), self.metric, self.asked_to_stop)

    def length(self, recipe: Recipe, steps: int) -> int:
        """Steps of a trial where the sick recipe takes `steps`: a longer run is tried for longer."""
        return max(1, round(steps * steps_ratio(self.bench.recipe, recipe)))


def steps_ratio(before: Recipe, after: Recipe) -> float:
    """How many times as many steps a settled recipe takes as another one.

    >>> from upfit.values import Change
    >>> ten, half = Change(path="stopping.epochs", to=10.0), Change(path="stopping.epochs", to=5.0)
    >>> sizes = [Recipe().apply(Change(path="batching.size", to=size), ten) for size in (8, 16)]
    >>> steps_ratio(sizes[0], sizes[1]), steps_ratio(sizes[0], sizes[0].apply(half))
    (0.5, 0.5)
    """

    def wanted(recipe: Recipe) -> float:
        stopping, size = recipe.stopping, recipe.batching.size
        assert stopping.epochs != "auto"
        assert not isinstance(size, str)
        return float(stopping.steps or stopping.epochs / size)

    both_stated = (before.stopping.steps is None) == (after.stopping.steps is None)
    return min(MOST_LONGER, wanted(after) / wanted(before)) if both_stated else 1.0


def trial_steps(seconds_left: float | None, step_seconds: float, planned: int) -> int:
    """Steps of each trial; fewer than `LEAST` say that there is no time.

    Without a budget all trials together take about half of what the run takes, where that is enough.

    >>> trial_steps(None, 0.1, 2000), trial_steps(240, 0.5, 2000), trial_steps(10, 0.5, 2000)
    (100, 20, 0)
    """
    wanted = max(LEAST, min(MOST, planned // (2 * TRIALS)))
    wanted = min(wanted, planned)
    if seconds_left is None:
        return wanted
    return min(wanted, int(SHARE * max(0.0, seconds_left) / (TRIALS * max(1e-6, step_seconds))))


def repair_trials(bedside: Bedside, picks: Sequence[Pick], steps: int) -> tuple[Cure, ...]:
    """A line of the ledger for each candidate; at most one is `kept`.

    Few steps may be too few for the metric: where none gains beyond noise in it, the candidate that does in
    the validation loss is `kept` without a gain, which says that a whole run has to decide. So is the first
    candidate where the recipe as it is gets no further than guessing: then trials say nothing of any cure.
    """
    seed, sick = bedside.bench.recipe.seed, bedside.bench.recipe
    plain = _scores(bedside, sick, steps, seed)
    trials = [_tried(bedside, pick, steps, plain) for pick in picks]
    lines = best_alone([line for line, _ in trials], lost=" Another cure gained more.")
    confirmed = tuple(_confirmed(bedside, line, steps) if line.is_kept else line for line in lines)
    if any(line.is_kept for line in confirmed):
        return confirmed
    promising = [line for line, calmer in trials if calmer]
    if promising:
        best = max(promising, key=lambda line: line.gain.value if line.gain else 0.0)
        return _put_on_trial(confirmed, best, f"{steps} steps show it in the validation loss only")
    undone = [line for line in confirmed if line.outcome == "undone"]
    if undone and _is_guessing(bedside, plain):
        return _put_on_trial(confirmed, undone[0], f"In {steps} steps nothing gets beyond guessing")
    return confirmed


def _put_on_trial(lines: Sequence[Cure], chosen: Cure, why: str) -> tuple[Cure, ...]:
    """The lines, one of them to be tried over a whole run."""
    on_trial = chosen.replace(outcome="kept", gain=None, why=f"{chosen.why} {why}: a whole run decides.")
    return tuple(on_trial if line.changes == chosen.changes else line for line in lines)


def _is_guessing(bedside: Bedside, scores: Scores) -> bool:
    """Whether scores are no better than those of guessing, beyond noise."""
    return _gain(bedside, scores, _guessed(bedside)).low <= 0


def _tried(bedside: Bedside, pick: Pick, steps: int, plain: Scores) -> tuple[Cure, bool]:
    """A line of the ledger, and whether the validation loss is lower beyond noise, the metric no worse."""
    finding, edits = pick
    begun = time.monotonic()
    line = Cure(
        kind=finding.kind,
        outcome="failed",
        why=f"{finding.message} Therefore: {edits[0].because}.",
        changes=edits,
        metric=bedside.metric,
        before=_value(bedside, plain),
        steps=steps,
    )
    try:
        recipe = bedside.recipe_with(edits)
        line = line.replace(steps=bedside.length(recipe, steps))
        after = bedside.scores(recipe, steps, seed=bedside.bench.recipe.seed)
    except (TrainingError, InputError) as error:
        return line.replace(why=f"{line.why} {error.message}", seconds=time.monotonic() - begun), False
    gain, kept = judged([_gain(bedside, after, plain)])
    telling = telling_metric(bedside.bench.data.schema.task)
    calmer = gain.value >= 0 and _gain(bedside, after, plain, metric=telling).low > 0
    line = line.replace(
        outcome="kept" if kept else "undone",
        gain=gain,
        after=_value(bedside, after),
        seconds=time.monotonic() - begun,
    )
    return line, calmer


def _confirmed(bedside: Bedside, line: Cure, steps: int) -> Cure:
    """The winner once more with another seed, for both sides; the line then has the means."""
    begun, seed = time.monotonic(), bedside.bench.recipe.seed + 1
    plain = _scores(bedside, bedside.bench.recipe, steps, seed)
    after = _scores(bedside, bedside.recipe_with(line.changes), steps, seed)
    assert line.gain is not None
    gain, kept = judged([line.gain, _gain(bedside, after, plain)])
    seconds = line.seconds + time.monotonic() - begun
    return line.replace(
        outcome="kept" if kept else "undone",
        gain=gain,
        before=_mean(line.before, _value(bedside, plain)),
        after=_mean(line.after, _value(bedside, after)),
        seconds=seconds,
    )


def _mean(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else (one + other) / 2


def _scores(bedside: Bedside, recipe: Recipe, steps: int, seed: int) -> Scores:
    """Scores after a trial; where it diverges, those of guessing."""
    try:
        return bedside.scores(recipe, steps, seed=seed)
    except TrainingError:
        return _guessed(bedside)


def _guessed(bedside: Bedside) -> Scores:
    bench = bedside.bench
    schema, count = bench.data.schema, len(bench.validation_targets)
    return baseline_scores(schema.task, bench.train_targets, count, schema.outputs)


def _gain(bedside: Bedside, after: Scores, before: Scores, *, metric: str | None = None) -> Estimate:
    task, truth = bedside.bench.data.schema.task, bedside.bench.validation_targets
    return paired_gain(task, metric or bedside.metric, after, before, truth)


def _value(bedside: Bedside, scores: Scores) -> float | None:
    truth = bedside.bench.validation_targets
    found = metrics(bedside.bench.data.schema.task, scores, truth, also=bedside.metric)
    return found.get(bedside.metric)
