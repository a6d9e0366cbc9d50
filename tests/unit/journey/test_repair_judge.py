"""Judging repaired runs: beyond noise or undone; the best attempt is the result; a kill changes nothing."""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from upfit.journey.course import Journey
from upfit.journey.repair import Standing, on_trial
from upfit.journey.repair_judge import best_attempt, judge_trial
from upfit.store import Journal, RunFolder
from upfit.train.fitted import Fitted, kept
from upfit.train.timing import Clock
from upfit.train.tune import Places
from upfit.train.world import World
from upfit.values import Change, Cure, Evaluation, Recipe, Silent

TRUTH = np.arange(100) % 2


def fitted(right):
    """A candidate that is right on so many of a hundred examples."""
    said = np.where(np.arange(100) < right, TRUTH, 1 - TRUTH)
    scores = np.eye(2, dtype=np.float32)[said] * 0.8 + 0.1
    return Fitted("tuned", scores, {"weight": torch.zeros(1)}, 1.0, {})


class Bench(SimpleNamespace):
    """As much of a workbench as judging asks for."""

    def with_recipe(self, recipe):
        return Bench(**{**vars(self), "recipe": recipe})


@pytest.fixture
def bench():
    schema = SimpleNamespace(task="multiclass", outputs=2)
    data = SimpleNamespace(schema=schema)
    return Bench(data=data, validation_targets=TRUTH, train_targets=TRUTH, recipe=Recipe(seed=2))


@pytest.fixture
def journey(tmp_path):
    """A second attempt has ended, with a cure on trial; the first lies aside, with its tuning."""
    folder = RunFolder.create(tmp_path / "run")
    folder.unlock()
    folder.write_text("recipe.yaml", Recipe(seed=2).to_yaml())
    aside = folder.path / "attempts" / "1"
    aside.mkdir(parents=True)
    sick = RunFolder.create(tmp_path / "sick")
    kept(sick, "tuned", lambda: fitted(60))
    sick.unlock()
    shutil.move(sick.path / "candidates", aside / "candidates")
    (aside / "recipe.yaml").write_text(Recipe(seed=1).to_yaml(), encoding="utf-8")
    Standing(rounds=1).keep(folder)
    folder.write_json("plan.json", {"plan": {"total_steps": 60}})
    change = Change(path="head.dropout", to=0.3)
    folder.write_ledger((Cure(kind="overfit", outcome="kept", changes=(change,), metric="accuracy"),))
    return Journey(folder, Clock(None), "accuracy", Places(), Silent(), World("fp32"))


def outcome_of(journey):
    [line] = journey.folder.read_ledger()
    return line


def test_a_cure_that_gains_beyond_noise_is_kept_with_its_gain(journey, bench):
    judge_trial(journey, bench, fitted(90))
    assert outcome_of(journey).is_kept
    line = outcome_of(journey)
    assert (line.before, line.after, line.steps) == (pytest.approx(0.6), pytest.approx(0.9), 60)
    assert line.gain.value == pytest.approx(0.3)
    assert [one.kind for one in journey.folder.read_findings()] == ["repaired"]
    assert best_attempt(journey, bench, fitted(90))[0].recipe.seed == 2


@pytest.mark.parametrize("right", [62, 50, None])
def test_what_gains_within_noise_or_breaks_off_is_undone_and_the_attempt_before_is_the_result(
    journey, bench, right
):
    tuned = None if right is None else fitted(right)
    judge_trial(journey, bench, tuned)
    assert outcome_of(journey).outcome == ("failed" if right is None else "undone")
    assert Standing.of(journey.folder).closed
    chosen, result = best_attempt(journey, bench, tuned)
    assert chosen.recipe.seed == journey.folder.read_recipe().seed == 1
    assert np.array_equal(result.scores, fitted(60).scores)
    # Called again after a kill it says the same.
    assert on_trial(journey.folder) is None
    judge_trial(journey, bench, tuned)
    again = best_attempt(journey, chosen, tuned)[1]
    assert np.array_equal(again.scores, result.scores)


def test_a_kill_between_decision_and_ledger_leads_to_the_same_decision(journey, bench, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(RunFolder, "write_ledger", killed)
        with pytest.raises(KeyboardInterrupt):
            judge_trial(journey, bench, fitted(62))
    judge_trial(journey, bench, fitted(62))
    assert outcome_of(journey).outcome == "undone"
    assert best_attempt(journey, bench, fitted(62))[0].recipe.seed == 1


def test_an_attempt_that_was_stopped_is_compared_by_the_best_that_it_had(journey, bench):
    aside = journey.folder.path / "attempts" / "1"
    (aside / "candidates" / "tuned.safetensors").unlink()
    journal = Journal(aside / "trace.jsonl")
    for step, accuracy in ((8, 0.2), (16, 0.7), (24, 0.5)):
        journal.add(Evaluation(step, 1.0, 2.0, {"accuracy": accuracy}, False, 1.0))
    journal.close()
    judge_trial(journey, bench, fitted(90))
    assert outcome_of(journey).gain.value == pytest.approx(0.2)
    assert outcome_of(journey).is_kept
