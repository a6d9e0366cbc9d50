"""What a user sees while a run goes on, and at its end."""

import io

import pytest
from rich.console import Console

from upfit.report.console import PlainWatcher, RichWatcher
from upfit.report.summary import plain_summary, result_summary
from upfit.report.watchers import Watchers
from upfit.values import Evaluation, Event, Silent, Step, Watcher

from .runs import digits_run


def travel(watcher: Watcher):
    """A short journey, as the loop tells it."""
    watcher.stage("linear probe on the frozen backbone")
    for done in (1, 2, 3):
        watcher.advance(done, 3)
    watcher.note("class [red]names[/red] [/] may hold brackets")
    watcher.stage("tuning")
    for step in range(1, 5):
        watcher.step(Step(step, step / 4, 1.0 / step, 1e-3, 0.5, 8, 2.0 * step, 300.0), 8)
    watcher.evaluation(Evaluation(4, 1.0, 0.31, {"log_loss": 0.31, "accuracy": 0.875}, True, 8.0))
    watcher.event(Event(4, "early_stop", "no progress in 5 evaluations"))
    watcher.close()
    watcher.close()


def test_plain_lines():
    stream = io.StringIO()
    travel(PlainWatcher(stream, every=0))
    assert stream.getvalue().splitlines() == [
        "linear probe on the frozen backbone",
        "  1 of 3",
        stream.getvalue().splitlines()[2],
        "class [red]names[/red] [/] may hold brackets",
        "tuning",
        "  step 1 of 8  loss 1.000  lr 1.0e-03",
        "  step 2 of 8  loss 0.5000  lr 1.0e-03 · 12 s left",
        "  step 3 of 8  loss 0.3333  lr 1.0e-03 · 10 s left",
        "  step 4 of 8  loss 0.2500  lr 1.0e-03 · 8.0 s left",
        "  validation at step 4: loss 0.3100  Accuracy 0.875  best so far",
        "  step 4: no progress in 5 evaluations",
    ]


def test_plain_lines_are_few():
    stream = io.StringIO()
    travel(PlainWatcher(stream, every=3600))
    assert not [line for line in stream.getvalue().splitlines() if " of " in line]


def test_plain_lines_go_to_stderr(capsys):
    travel(PlainWatcher())
    seen = capsys.readouterr()
    assert seen.out == ""
    assert "tuning" in seen.err


def test_a_note_is_read_once():
    stream = io.StringIO()
    watcher = PlainWatcher(stream)
    for text in ("one", "two", "one"):
        watcher.note(text)
    assert stream.getvalue().split() == ["one", "two"]


def test_the_metric_asked_for_is_shown():
    stream = io.StringIO()
    travel(PlainWatcher(stream, metric="log_loss"))
    assert "Log-loss 0.310" in stream.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
def test_the_live_display_shows_state_and_leaves_its_last(terminal):
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, width=140, color_system=None)
    travel(RichWatcher(console))
    seen = stream.getvalue()
    for expected in ("Linear probe on the frozen backbone", "Tuning", "Accuracy 0.875", "no progress"):
        assert expected in seen
    assert "class [red]names[/red] [/] may hold brackets" in seen


def test_the_live_display_needs_no_stage_first():
    watcher = RichWatcher(Console(file=io.StringIO()))
    watcher.advance(1, 2)
    watcher.step(Step(1, 0.1, float("nan"), 0.0, float("nan"), 1, 0.0, 1.0), 1)
    watcher.close()


def test_several_watchers_all_see_everything():
    first, second = io.StringIO(), io.StringIO()
    travel(Watchers(PlainWatcher(first, every=0), Silent(), PlainWatcher(second, every=0)))
    assert first.getvalue().count("\n") == second.getvalue().count("\n") == 11


def test_the_summary_names_values_candidates_and_what_to_type(tmp_path):
    run, _ = digits_run(folder=tmp_path / "digits")
    stream = io.StringIO()
    Console(file=stream, width=120, color_system=None).print(result_summary(run))
    for seen in (stream.getvalue(), plain_summary(run)):
        for expected in (
            "Accuracy",
            "Linear probe",
            "Majority class",
            "chosen",
            "report.html",
            "unreadable_file",
        ):
            assert expected in seen
        value = run.test["accuracy"]
        assert f"{value.value:.3f} ({value.low:.3f} to {value.high:.3f})" in seen


@pytest.mark.parametrize("task", ["binary", "regression", "multilabel"])
def test_every_task_has_a_summary(every_task, task):
    run, _ = every_task[task]
    assert "won:" in plain_summary(run)
    assert result_summary(run)
