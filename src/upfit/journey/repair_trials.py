"""Trials of cures in a run of ours: each against the recipe as it is, same seeds, for a few steps."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from upfit.diagnose.treat_candidates import Candidate
from upfit.diagnose.treat_judge import best_alone, judged
from upfit.errors import InputError, TrainingError
from upfit.measure import baseline_scores, metrics, paired_gain
from upfit.models import Backbone
from upfit.techniques import check
from upfit.train.layer_choice import tried
from upfit.train.settle import settle
from upfit.train.workbench import Workbench
from upfit.values import Change, Cure, Estimate, Recipe

Scores = npt.NDArray[np.float32]
SHARE = 0.25
"""Of the time left, what all trials of a sick run may take."""
LEAST, MOST = 15, 100
"""Steps of a trial."""
TRIALS = 6
"""At most: the recipe as it is and three others, and the winner with a second seed against the first."""


@dataclass(frozen=True, eq=False)
class Bedside:
    """What trials need.

    Args:
        bench: With the sick recipe, settled.
        backbone: Loaded; stays as it is.
        metric: What judges.
        rate: The greatest rate of the sick run, which the cures' rates refer to.
        asked_to_stop: Polled during trials.
    """

    bench: Workbench
    backbone: Backbone
    metric: str
    rate: float
    asked_to_stop: Any

    def recipe_with(self, change: Change) -> Recipe:
        """The recipe with a cure; raises `RecipeError` where it does not fit."""
        recipe = cured(self.bench.recipe, change, rate=self.rate)
        check(recipe)
        bench = self.bench
        rows = len(bench.split.train)
        return settle(recipe, modality=self.backbone.modality, task=bench.data.schema.task, count=rows)

    def scores(self, recipe: Recipe, steps: int, *, seed: int) -> Scores:
        """Validation scores after a short training; raises `TrainingError` where it diverges."""
        bench = self.bench.with_recipe(recipe.replace(seed=seed, watch="off"))
        return tried(bench, self.backbone, steps, self.metric, self.asked_to_stop)


def cured(recipe: Recipe, change: Change, *, rate: float) -> Recipe:
    """A settled recipe with a cure. A rate is that of the head: all other rates move in proportion.

    >>> from upfit.values.recipe import Optimizer
    >>> sick = Recipe(optimizer=Optimizer(lr=0.3, head_lr=1.0))
    >>> cured(sick, Change(path="optimizer.lr", to=0.1), rate=1.0).optimizer.lr
    0.03
    """
    if change.path != "optimizer.lr":
        return recipe.apply(change)
    if change.to == "auto":
        return recipe.replace(optimizer=recipe.optimizer.replace(lr="auto", head_lr="auto"))
    factor = float(change.to) / rate
    optimizer = recipe.optimizer
    moved = {
        name: float(f"{value * factor:.3g}")
        for name in ("lr", "head_lr")
        if isinstance(value := getattr(optimizer, name), float | int)
    }
    rates = {name: value * factor for name, value in optimizer.rates.items()}
    return recipe.replace(optimizer=optimizer.replace(**moved, rates=rates))


def trial_steps(seconds_left: float | None, step_seconds: float, planned: int) -> int:
    """Steps of each trial; fewer than `LEAST` say that there is no time.

    >>> trial_steps(None, 0.1, 2000), trial_steps(240, 0.5, 2000), trial_steps(10, 0.5, 2000)
    (100, 20, 0)
    """
    wanted = max(LEAST, min(MOST, planned // 4))
    if seconds_left is None:
        return wanted
    return min(wanted, int(SHARE * max(0.0, seconds_left) / (TRIALS * max(1e-6, step_seconds))))


def repair_trials(bedside: Bedside, picks: Sequence[Candidate], steps: int) -> tuple[Cure, ...]:
    """A line of the ledger for each candidate; at most one is `kept`."""
    seed, sick = bedside.bench.recipe.seed, bedside.bench.recipe
    plain = _scores(bedside, sick, steps, seed)
    lines = [_tried(bedside, pick, steps, plain) for pick in picks]
    return tuple(
        _confirmed(bedside, line, steps) if line.is_kept else line
        for line in best_alone(lines, lost=" Another cure gained more.")
    )


def _tried(bedside: Bedside, pick: Candidate, steps: int, plain: Scores) -> Cure:
    finding, change = pick
    begun = time.monotonic()
    line = Cure(
        kind=finding.kind,
        outcome="failed",
        why=f"{finding.message} Therefore: {change.because}.",
        changes=(change,),
        metric=bedside.metric,
        before=_value(bedside, plain),
        steps=steps,
    )
    try:
        recipe = bedside.recipe_with(change)
        after = bedside.scores(recipe, steps, seed=bedside.bench.recipe.seed)
    except (TrainingError, InputError) as error:
        return line.replace(why=f"{line.why} {error.message}", seconds=time.monotonic() - begun)
    gain, kept = judged([_gain(bedside, after, plain)])
    return line.replace(
        outcome="kept" if kept else "undone",
        gain=gain,
        after=_value(bedside, after),
        seconds=time.monotonic() - begun,
    )


def _confirmed(bedside: Bedside, line: Cure, steps: int) -> Cure:
    """The winner once more with another seed, for both sides."""
    begun, seed = time.monotonic(), bedside.bench.recipe.seed + 1
    plain = _scores(bedside, bedside.bench.recipe, steps, seed)
    after = _scores(bedside, bedside.recipe_with(line.changes[0]), steps, seed)
    assert line.gain is not None
    gain, kept = judged([line.gain, _gain(bedside, after, plain)])
    seconds = line.seconds + time.monotonic() - begun
    return line.replace(outcome="kept" if kept else "undone", gain=gain, seconds=seconds)


def _scores(bedside: Bedside, recipe: Recipe, steps: int, seed: int) -> Scores:
    """Scores after a trial; where it diverges, those of guessing."""
    try:
        return bedside.scores(recipe, steps, seed=seed)
    except TrainingError:
        bench = bedside.bench
        schema, count = bench.data.schema, len(bench.validation_targets)
        return baseline_scores(schema.task, bench.train_targets, count, schema.outputs)


def _gain(bedside: Bedside, after: Scores, before: Scores) -> Estimate:
    task, truth = bedside.bench.data.schema.task, bedside.bench.validation_targets
    return paired_gain(task, bedside.metric, after, before, truth)


def _value(bedside: Bedside, scores: Scores) -> float | None:
    truth = bedside.bench.validation_targets
    found = metrics(bedside.bench.data.schema.task, scores, truth, also=bedside.metric)
    return found.get(bedside.metric)
