"""The journal: written line by line, cut back to a checkpoint, read after a kill in mid-line."""

from __future__ import annotations

import json
import math

import pytest

from upfit.store import Journal, read_trace
from upfit.values import Evaluation, Event, Step
from upfit.values.trace import Health


def step(number, **more):
    fields = {"epoch": number / 10, "loss": 1.0, "lr": 0.1, "gradient_norm": 2.0, "examples": 8}
    return Step(step=number, **{**fields, "seconds": float(number), "rss_mb": 100.0, **more})


PLAN = Event(4, "plan", "the schedule now ends at step 20", {"total_steps": 20})
RECORDS = (step(1), step(2), Evaluation(2, 0.2, 0.7, {"accuracy": 0.5}, True, 2.0), step(3), step(4), PLAN)


@pytest.fixture
def path(tmp_path):
    journal = Journal(tmp_path / "trace.jsonl")
    for record in RECORDS:
        journal.add(record)
    journal.close()
    return journal.path


def test_what_is_written_is_read_back_by_kind(path):
    trace = read_trace(path)
    assert trace.steps == tuple(r for r in RECORDS if isinstance(r, Step))
    assert trace.evaluations == (RECORDS[2],)
    assert trace.events == (PLAN,)


def test_a_look_inside_the_network_is_read_back_with_its_gaps(tmp_path):
    health = Health(3, gradient_norms={"first": 0.5, "last": float("nan")}, dead={"relu": 0.25})
    journal = Journal(tmp_path / "trace.jsonl")
    journal.add(health)
    journal.add(Event(0, "measured", "", {"labels.classes": 10.0}))
    journal.close()
    trace = read_trace(tmp_path / "trace.jsonl")
    [read] = trace.healths
    assert read.gradient_norms["first"] == 0.5
    assert math.isnan(read.gradient_norms["last"])
    assert math.isnan(read.train_metric)
    assert read.dead == {"relu": 0.25}
    assert trace.facts() == {"labels.classes": 10.0}


def test_a_missing_journal_is_an_empty_trace(tmp_path):
    trace = read_trace(tmp_path / "none.jsonl")
    assert (trace.steps, trace.evaluations, trace.events) == ((), (), ())


def test_every_line_is_strict_json_even_without_a_number(tmp_path):
    journal = Journal(tmp_path / "trace.jsonl")
    journal.add(step(1, gradient_norm=math.nan, loss=math.inf))
    journal.close()

    def refuse(text):
        raise AssertionError(f"{text} is not JSON")

    [line] = journal.path.read_text().splitlines()
    assert json.loads(line, parse_constant=refuse)["gradient_norm"] is None
    assert math.isnan(read_trace(journal.path).steps[0].gradient_norm)


def test_each_record_reaches_the_file_at_once(tmp_path):
    journal = Journal(tmp_path / "trace.jsonl")
    journal.add(step(1))
    assert read_trace(journal.path).steps == (step(1),)
    journal.close()
    journal.close()


def test_cutting_forgets_what_came_later_and_hands_back_its_plans(path):
    journal = Journal(path)
    assert journal.cut(2) == (PLAN,)
    journal.add(step(3))
    journal.close()
    trace = read_trace(path)
    assert [one.step for one in trace.steps] == [1, 2, 3]
    assert trace.evaluations == (RECORDS[2],)
    assert trace.events == ()


def test_cutting_at_the_end_changes_nothing(path):
    before = path.read_bytes()
    journal = Journal(path)
    assert journal.cut(4) == ()
    journal.close()
    assert path.read_bytes() == before


@pytest.mark.parametrize("left", range(1, 30, 4))
def test_a_line_cut_short_by_a_kill_loses_nothing_written_after_it(path, left):
    content = path.read_bytes()
    start = content.rstrip(b"\n").rindex(b"\n") + 1
    path.write_bytes(content[: start + left])
    assert [one.step for one in read_trace(path).steps] == [1, 2, 3, 4]
    journal = Journal(path)
    journal.cut(4)
    journal.add(step(5))
    journal.close()
    assert [one.step for one in read_trace(path).steps] == [1, 2, 3, 4, 5]


def test_without_a_path_records_are_kept_in_memory():
    journal = Journal(None)
    for record in RECORDS:
        journal.add(record)
    assert journal.cut(2) == (PLAN,)
    assert [one.step for one in journal.trace().steps] == [1, 2]
