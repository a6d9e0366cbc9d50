"""Repair in runs of ours: when the alarm rings, what a cure does to a recipe, how a folder is ordered."""

from __future__ import annotations

from dataclasses import replace

import pytest

from upfit.journey.repair import Standing, has_returned, put_in_place, told, tried_enough
from upfit.journey.repair_alarm import Alarm, ill, severe
from upfit.journey.repair_facts import REFERENCE
from upfit.journey.repair_trials import LEAST, MOST, trial_steps
from upfit.store import Journal, RunFolder, read_trace
from upfit.values import Change, Cure, Estimate, Evaluation, Event, Finding, Health, Recipe, Step, Trace


def sick_trace(steps=40):
    """Enormous steps, a loss that climbs, a score far below the probe's."""
    nan = float("nan")
    return Trace(
        steps=tuple(Step(n, n / 10, 2.3 + 0.2 * n, 0.5, 1.0, 32, 0.1 * n, nan) for n in range(1, steps + 1)),
        evaluations=tuple(
            Evaluation(n, n / 10, 9.0, {"accuracy": 0.1}, False, 0.1 * n) for n in range(10, steps + 1, 10)
        ),
        events=(Event(0, "measured", REFERENCE, {"reference.score": 0.8, "validation.examples": 200.0}),),
        healths=tuple(
            Health(n, gradient_norms={"a": 1.0}, weight_norms={"a": 1.0}, update_ratios={"a": 3.0})
            for n in (1, 2, 4, 8)
        ),
    )


def at(step):
    return Evaluation(step, 1.0, 9.0, {"accuracy": 0.1}, False, 1.0)


def test_the_alarm_rings_in_the_middle_of_a_sick_run_and_not_at_its_ends():
    for step, rings in ((10, False), (19, False), (40, True), (95, False)):
        alarm = Alarm(sick_trace, total=100)
        alarm.evaluation(at(step))
        assert alarm.ringing is rings, step
    assert alarm.findings == ()


def test_an_alarm_that_rang_before_a_kill_rings_again_at_once_and_for_what_it_had_seen():
    alarm = Alarm(lambda: sick_trace(47), total=100)
    alarm.recall()
    assert alarm.ringing
    before = Alarm(lambda: sick_trace(40), total=100)
    before.evaluation(at(40))
    assert alarm.findings == before.findings
    done = Alarm(lambda: sick_trace(95), total=100)
    done.recall()
    assert not done.ringing


def test_a_run_that_is_getting_better_is_left_to_its_end():
    slow = replace(
        sick_trace(), steps=tuple(replace(one, loss=2.3) for one in sick_trace().steps), healths=()
    )
    clipped = Event(0, "measured", "settings", {"recipe.clip": 0.001})
    slow = replace(slow, events=(*slow.events, clipped))
    assert [one.kind for one in severe(slow)] == ["clip_too_small"]
    rising = tuple(
        replace(one, metrics={"accuracy": 0.1 * n}) for n, one in enumerate(slow.evaluations, start=1)
    )
    assert severe(replace(slow, evaluations=rising)) == ()


def test_what_is_severe_has_cures():
    [first, *_] = severe(sick_trace())
    assert first.kind == "lr_too_large"
    assert first.cures


def test_a_healthy_run_rings_no_alarm():
    from upfit.testing.traces import healthy_trace

    alarm = Alarm(healthy_trace, total=100)
    alarm.evaluation(at(50))
    assert not alarm.ringing


def test_a_run_that_ended_well_is_left_alone_though_it_went_back_once():
    from upfit.testing.traces import healthy_trace

    well = healthy_trace()
    bad = Event(40, "rolled_back", "went back", {"bad_step": 40.0, "left_out": 1.0})
    assert ill(well) == ()
    assert ill(replace(well, events=(*well.events, bad))) == ()


def test_an_illness_of_a_run_that_ended_is_worth_trials_though_no_alarm_rang():
    from upfit.testing.traces import falling, made_trace

    rising = made_trace(falling(2.3, 0.001, 200), validation=[(0.6 + 0.1 * i, 0.8) for i in range(8)])
    assert [one.kind for one in ill(rising)] == ["overfit"]
    assert severe(rising) == ()


@pytest.mark.parametrize(
    ("left", "step", "planned", "steps"),
    [
        (None, 1.0, 40, LEAST),
        (None, 1.0, 9999, MOST),
        (1.0, 1.0, 100, 0),
        (1e9, 0.1, 12, 12),
        (None, 1, 600, 50),
    ],
)
def test_trials_take_a_part_of_the_time_that_is_left(left, step, planned, steps):
    assert trial_steps(left, step, planned) == steps


@pytest.fixture
def decided(tmp_path):
    """A run folder in which a repair has been decided, and nothing moved yet."""
    folder = RunFolder.create(tmp_path / "run")
    folder.unlock()
    journal = Journal(folder.path / "trace.jsonl")
    journal.add(Event(0, "measured", REFERENCE, {"reference.score": 0.8}))
    journal.add(Event(0, "measured", "one-step tests", {"rates.tenth": 1.0}))
    journal.add(Step(1, 0.1, 2.0, 0.1, 1.0, 8, 0.1, 1.0))
    journal.close()
    folder.write_text("recipe.yaml", Recipe(seed=1).to_yaml())
    folder.write_json("plan.json", {"plan": {"total_steps": 9}, "reserve": 1.0})
    folder.write_json("preflight.json", {})
    for place, name in (("checkpoints", "step-1.pt"), ("candidates", "tuned.safetensors")):
        (folder.path / place).mkdir()
        (folder.path / place / name).write_bytes(b"x")
    moving = {"recipe": Recipe(seed=2).to_yaml(), "plan": {"total_steps": 5}}
    Standing(moving=moving).keep(folder)
    return folder


@pytest.mark.parametrize("interrupted", [False, True])
def test_the_sick_attempt_goes_aside_and_the_repaired_one_takes_its_place(decided, interrupted, monkeypatch):
    if interrupted:

        def killed(*_):
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(RunFolder, "remove", killed)
            with pytest.raises(KeyboardInterrupt):
                put_in_place(decided)
    put_in_place(decided)
    put_in_place(decided)
    assert decided.read_recipe().seed == 2
    assert decided.read_json("plan.json") == {"plan": {"total_steps": 5}, "reserve": 1.0}
    assert not decided.has("checkpoints")
    assert not decided.has("preflight.json")
    assert read_trace(decided.path / "trace.jsonl").facts() == {"reference.score": 0.8}
    aside = RunFolder(decided.path / "attempts" / "1")
    assert aside.read_recipe().seed == 1
    assert len(read_trace(aside.path / "trace.jsonl").steps) == 1
    assert (aside.path / "candidates" / "tuned.safetensors").is_file()
    assert Standing.of(decided) == Standing(rounds=1)


def test_a_ledger_survives_the_folder(decided):
    cures = (
        Cure(kind="lr_too_large", outcome="kept", metric="accuracy", gain=Estimate(0.3, 0.2, 0.4), steps=20),
        Cure(kind="label_noise", outcome="impossible", why="Mend the labels."),
    )
    decided.write_ledger(cures)
    assert decided.read_ledger() == cures
    assert told(cures[0]).endswith("gain in accuracy 0.300 (0.200 to 0.400) after 20 steps")


def test_an_illness_that_returned_reopens_what_only_short_trials_refused():
    decay, policy = Change(path="optimizer.weight_decay", to=0.0), Change(path="augment.policy", to="none")
    refused = Cure(kind="over_regularised", outcome="undone", changes=(decay,), steps=20)
    kept = Cure(kind="over_regularised", outcome="kept", changes=(policy,), steps=20)
    again = [Finding(kind="over_regularised", severity="warning", message="Still.")]
    assert has_returned([refused, kept], again)
    assert not has_returned([refused], again)
    assert not has_returned([refused, kept], [again[0].replace(kind="overfit")])
    assert not has_returned([refused, kept], [])
    assert tried_enough([refused, kept], 96) == [(policy,)]
    assert tried_enough([refused.replace(steps=96), kept], 96) == [(decay,), (policy,)]
