"""Event files are read back with TensorBoard itself."""

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from upfit.report.tensorboard import TensorBoardWatcher


def replay(watcher, trace, *, after=0, until=10**9):
    for step in trace.steps:
        if after < step.step <= until:
            watcher.step(step, 240)
    for evaluation in trace.evaluations:
        if after < evaluation.step <= until:
            watcher.evaluation(evaluation)
    for event in trace.events:
        if after < event.step <= until:
            watcher.event(event)
    watcher.close()


def scalars(folder, tag):
    found = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    found.Reload()
    return {one.step: one.value for one in found.Scalars(tag)}, found.Tags()


def begun_earlier(folder):
    """Files are read by the second in their names: a resumed run never begins in the second of the first."""
    (file,) = folder.iterdir()
    *before, second = file.name.split(".")[:4]
    file.rename(folder / ".".join([*before, f"{int(second) - 1:010d}", *file.name.split(".")[4:]]))


def test_curves_are_written(digits, tmp_path):
    trace = digits[0].trace
    replay(TensorBoardWatcher(tmp_path / "tensorboard"), trace)
    losses, tags = scalars(tmp_path / "tensorboard", "train/loss")
    assert losses == pytest.approx({one.step: one.loss for one in trace.steps}, rel=1e-6)
    assert {"train/learning_rate", "train/gradient_norm", "validation/loss"} <= set(tags["scalars"])
    assert "validation/accuracy" in tags["scalars"]
    assert "events/plan/text_summary" in tags["tensors"]


def test_a_resumed_run_continues_the_curve(digits, tmp_path):
    trace = digits[0].trace
    replay(TensorBoardWatcher(tmp_path), trace, until=120)
    begun_earlier(tmp_path)
    # Resumed from the checkpoint at step 100: steps 101 to 120 are taken again.
    replay(TensorBoardWatcher(tmp_path), trace, after=100)
    losses, _ = scalars(tmp_path, "train/loss")
    assert sorted(losses) == list(range(1, 241))


def test_a_run_without_steps_leaves_no_folder(tmp_path):
    watcher = TensorBoardWatcher(tmp_path / "tensorboard")
    watcher.stage("reading")
    watcher.close()
    assert not (tmp_path / "tensorboard").exists()
