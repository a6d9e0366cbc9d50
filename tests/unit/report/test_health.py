"""The health section: one sentence, alarms on the curves, repairs, and what was not measured."""

from __future__ import annotations

import dataclasses

import pytest

from upfit.report.health import health_of
from upfit.report.html import html_report
from upfit.values import Change, Cure, Estimate, Event, Trace
from upfit.values.trace import Health

from .runs import ENVIRONMENT, digits_run


def looks(steps, *, first=0.1):
    """What a watched run records."""
    return tuple(
        Health(
            step=step,
            gradient_norms={"stem": first, "body": 0.2, "head": 0.5},
            update_ratios={"stem": 1e-3, "body": 2e-3, "head": 4e-3},
            every=20,
            seconds=0.001,
        )
        for step in range(20, steps + 1, 20)
    )


@pytest.fixture(scope="module")
def run():
    return digits_run()[0]


@pytest.fixture
def watched(run):
    probe = Health(step=200, dead={"stem relu 1": 0.02}, train_metric=0.97, examples=64)
    trace = dataclasses.replace(run.trace, healths=(*looks(240), probe))
    return dataclasses.replace(run, trace=trace)


def page_of(run):
    return html_report(run, None, environment=ENVIRONMENT)


def test_a_healthy_run_says_so_and_how_it_was_watched(watched):
    health = health_of(watched)
    assert health.sentence.startswith("Nothing wrong was found among the")
    assert "looked into 12 times, every 20 steps" in health.looked
    assert "64 training examples once" in health.looked
    captions = [caption for caption, _, _ in health.charts]
    assert captions[:3] == ["Loss", "Gradients, first and last layers", "Size of the steps"]
    assert "Units that never fire" in captions


def test_what_was_not_measured_is_listed_and_not_called_healthy(run):
    health = health_of(run)
    assert "dead units" in health.missing
    assert "dead units" not in health.healthy
    assert "not looked into" in health.looked


def test_an_alarm_stands_on_the_curves_with_its_evidence(watched):
    steps = tuple(
        dataclasses.replace(one, loss=float("nan")) if one.step >= 150 else one for one in watched.trace.steps
    )
    sick = dataclasses.replace(watched, trace=dataclasses.replace(watched.trace, steps=steps))
    health = health_of(sick)
    (alarm,) = [one for one in health.alarms if one.kind == "nan_loss"]
    assert (alarm.step, alarm.when) == (150, "first seen at step 150")
    assert health.sentence == health.alarms[0].message
    page = page_of(sick)
    assert f">{alarm.letter}</text>" in page
    assert 'id="health"' in page


def test_repairs_during_and_after_the_run_are_told(watched):
    event = Event(37, "rolled_back", "step 37 <b>: left out", {"bad_step": 37.0, "left_out": 1.0})
    trace = dataclasses.replace(watched.trace, events=(*watched.trace.events, event))
    cure = Cure(
        kind="lr_too_large",
        outcome="kept",
        why="steps overshoot",
        changes=(Change(path="optimizer.lr", to=1e-4),),
        metric="accuracy",
        before=0.81,
        after=0.93,
        gain=Estimate(0.12, 0.08, 0.16),
    )
    cured = dataclasses.replace(watched, trace=trace, ledger=(cure,))
    health = health_of(cured)
    assert "A repair was found and kept: optimizer.lr=0.0001." in health.sentence
    page = page_of(cured)
    assert "step 37 &lt;b&gt;: left out" in page
    assert "+0.120 (+0.080 to +0.160)" in page


def test_a_repaired_run_tells_of_the_attempt_that_was_ill(watched, tmp_path):
    from upfit.store import Journal
    from upfit.testing.traces import falling, made_trace

    aside = tmp_path / "attempts" / "1"
    aside.mkdir(parents=True)
    journal = Journal(aside / "trace.jsonl")
    rising = made_trace(falling(2.3, 0.001, 80), validation=[(0.6 + 0.1 * i, 0.8) for i in range(8)])
    for record in (*rising.steps, *rising.evaluations):
        journal.add(record)
    journal.close()
    change = Change(path="head.dropout", to=0.3)
    cure = Cure(kind="overfit", outcome="kept", changes=(change,), gain=Estimate(0.12, 0.08, 0.16), steps=80)
    health = health_of(dataclasses.replace(watched, folder=tmp_path, ledger=(cure,)))
    assert health.sentence.startswith("This run was ill and has been repaired. Validation loss has risen")
    assert "Changed: head.dropout=0.3. Since then: Nothing wrong was found" in health.sentence
    page = page_of(dataclasses.replace(watched, folder=tmp_path, ledger=(cure,)))
    assert "on validation over the steps of each attempt" in page
    assert "2, the run of this report" in page


def test_cures_that_did_not_help_or_could_not_be_tried_are_not_called_repairs(watched):
    undone = Cure(kind="overfit", outcome="undone", gain=Estimate(0.0, -0.1, 0.1))
    failed = Cure(kind="overfit", outcome="failed", why="No time was left.")
    assert (
        "One repair was tried; none gained"
        in health_of(dataclasses.replace(watched, ledger=(undone,))).sentence
    )
    said = health_of(dataclasses.replace(watched, ledger=(failed,))).sentence
    assert said.endswith("No repair could be tried. No time was left.")


def test_a_run_without_steps_has_no_section(run):
    bare = dataclasses.replace(run, trace=Trace())
    assert health_of(bare) is None
    assert 'id="health"' not in page_of(bare)


def test_what_tests_have_measured_is_no_event(run):
    event = Event(0, "measured", "one-step tests", {"start.loss": 2.3})
    told = dataclasses.replace(run, trace=dataclasses.replace(run.trace, events=(event,)))
    assert "one-step tests" not in page_of(told)
