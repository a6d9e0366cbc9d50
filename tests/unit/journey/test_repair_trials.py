"""Trials of cures: what gains is kept, and where nothing can be told yet, a whole run decides."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from upfit.data.targets import targets
from upfit.journey.repair_trials import Bedside, repair_trials
from upfit.measure import baseline_scores
from upfit.testing.small import SHORT, small_backbone, small_bench
from upfit.values import Change, Finding

PICKS = tuple(
    (
        Finding(kind="over_regularised", severity="warning", message="Too much."),
        (Change(path=path, to=to, because="less of it"),),
    )
    for path, to in (("optimizer.weight_decay", 0.0), ("head.dropout", 0.0))
)


@pytest.fixture
def bedside(monkeypatch):
    """`bedside(sick, cured)`: a Bedside whose trainings are right about so many of a hundred rows."""
    bench = small_bench(SHORT, modality="image", task="multiclass", steps=1)
    rows = np.resize(np.arange(len(bench.data)), 100)
    split = replace(bench.split, validation=rows)
    bench = replace(bench, split=split, validation_targets=targets(bench.data, rows))
    schema, truth = bench.data.schema, bench.validation_targets
    guess = baseline_scores(schema.task, bench.train_targets, len(rows), schema.outputs)

    def knowing(count):
        scores = guess.copy()
        wrong = 0.1 / (scores.shape[1] - 1)
        scores[:count] = wrong
        scores[np.arange(count), truth[:count]] = 0.9
        return scores

    def made(sick, cured):
        def scores(self, recipe, steps, *, seed):
            return knowing(sick if recipe == bench.recipe.replace(seed=recipe.seed) else cured)

        monkeypatch.setattr(Bedside, "scores", scores)
        return Bedside(bench, small_backbone("image"), "accuracy", lambda: False)

    return made


def test_what_gains_beyond_noise_is_kept_with_its_gain(bedside):
    lines = repair_trials(bedside(sick=20, cured=90), PICKS, 20)
    assert [line.outcome for line in lines].count("kept") == 1
    kept = next(line for line in lines if line.is_kept)
    assert kept.gain.low > 0


def test_where_nothing_gets_beyond_guessing_a_whole_run_tries_the_first_cure(bedside):
    first, second = repair_trials(bedside(sick=0, cured=0), PICKS, 20)
    assert first.is_kept
    assert first.gain is None
    assert first.why.endswith("In 20 steps nothing gets beyond guessing: a whole run decides.")
    assert second.outcome == "undone"


def test_where_the_recipe_learns_and_no_cure_helps_nothing_is_kept(bedside):
    lines = repair_trials(bedside(sick=60, cured=60), PICKS, 20)
    assert [line.outcome for line in lines] == ["undone", "undone"]


def test_a_line_tells_the_steps_that_its_own_trial_took(bedside):
    sick = bedside(sick=20, cured=90)
    epochs = sick.bench.recipe.stopping.epochs
    longer = Change(path="stopping.epochs", to=4.0 * epochs, because="it was still learning")
    short = Finding(kind="underfit_budget", severity="warning", message="Too short.")
    line, other = repair_trials(sick, ((short, (longer,)), PICKS[0]), 20)
    assert (line.steps, other.steps) == (80, 20)
