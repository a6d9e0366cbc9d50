"""`fit` on real text and images, every task: what it returns, what it leaves behind, and going on later."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from safetensors.torch import load_file

import upfit
from upfit.cli import main
from upfit.errors import Interrupted, RunFolderError
from upfit.values import Change, Silent

FILES = {
    "recipe.yaml", "data.json", "split.parquet", "trace.jsonl", "findings.jsonl", "predictions.parquet",
    "model", "result.json", "report.html", "model_card.md", "test_openings.jsonl", "request.json",
}  # fmt: skip
METRICS = {
    "binary": {"accuracy", "balanced_accuracy", "macro_f1", "log_loss", "calibration_error", "auroc"},
    "multiclass": {"accuracy", "balanced_accuracy", "macro_f1", "log_loss", "calibration_error", "auroc"},
    "multilabel": {"map", "micro_f1", "macro_f1"},
    "regression": {"mae", "rmse", "r2", "spearman", "pearson"},
}


@pytest.mark.parametrize("task", METRICS)
def test_text_of_every_task(task, sentences, small_text_model, quickly, tmp_path):
    run = upfit.fit(sentences(task), out=tmp_path / "run", model=small_text_model, changes=quickly(), seed=2)
    assert run.schema.task == task
    assert METRICS[task] <= set(run.validation)
    assert METRICS[task] <= set(run.test)
    for estimate in (*run.validation.values(), *run.test.values()):
        assert estimate.low <= estimate.value <= estimate.high
    names = [candidate.name for candidate in run.candidates]
    assert names == ["mean" if task == "regression" else "majority", "probe", "tuned", "refitted"]
    [chosen] = [candidate for candidate in run.candidates if candidate.chosen]
    assert chosen.margin is None
    assert run.validation == chosen.validation
    assert {path.name for path in (tmp_path / "run").iterdir()} >= FILES
    assert not (tmp_path / "run" / "checkpoints").exists()
    frame = run.predict(["Return the sorted copy of an array.", "Another sentence."])
    assert len(frame) == 2
    if task in ("binary", "multiclass"):
        probabilities = frame.select_dtypes("number")
        assert len(probabilities.columns) == len(run.schema.classes)
        assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)
        assert set(frame["prediction"]) <= set(run.schema.classes)


def test_images(digits, quickly, tmp_path):
    run = upfit.fit(digits, out=tmp_path / "run", changes=quickly())
    assert (run.schema.task, run.schema.classes) == ("multiclass", tuple("0123456789"))
    assert run.candidates[1].validation["accuracy"].value > run.candidates[0].validation["accuracy"].value
    file = next((digits / "7").iterdir())
    assert len(run.predict([str(file)])) == 1
    assert "base64" in (tmp_path / "run" / "report.html").read_text()


def test_the_result_holds_the_evidence_and_what_it_cost(text_run):
    result = json.loads((text_run.folder / "result.json").read_text())
    assert result["metric"] == "accuracy"
    assert result["steps"] == 4
    assert result["test_openings"] == 1
    assert result["seconds"] > 0
    assert result["peak_rss_mb"] > 100
    assert result["trained_parameters"] > 0
    assert result["backbone"] == "packaged:all-MiniLM-L6-v2"
    assert result["validation"]["accuracy"] == vars(text_run.validation["accuracy"])


def test_a_run_is_loaded_as_it_was(text_run):
    again = upfit.load_run(text_run.folder)
    assert again.recipe == text_run.recipe
    assert again.split == text_run.split
    assert again.schema == text_run.schema
    assert again.trace == text_run.trace
    assert again.validation == text_run.validation
    assert again.test == text_run.test
    assert again.findings == text_run.findings
    assert [c.name for c in again.candidates] == [c.name for c in text_run.candidates]
    assert np.array_equal(again.predictions.scores, text_run.predictions.scores)
    inputs = ["Compute the mean along an axis.", "Move the tensor to a device."]
    pd.testing.assert_frame_equal(again.predict(inputs), text_run.predict(inputs))


def test_a_loaded_run_opens_the_test_part_again_and_every_opening_counts(text_run, tmp_path):
    import shutil

    folder = shutil.copytree(text_run.folder, tmp_path / "run")
    run = upfit.load_run(folder)
    assert run.test_openings == 1
    assert {name: one.value for name, one in run.open_test().items()} == pytest.approx(
        {name: one.value for name, one in text_run.test.items()}, abs=1e-6
    )
    assert upfit.load_run(folder).test_openings == 2


def test_the_run_that_fit_returns_can_open_its_test_part_again(text_run, tmp_path):
    import shutil

    assert text_run.test_opener is not None
    kept = shutil.copytree(text_run.folder, tmp_path / "kept")
    again = text_run.open_test()
    assert {name: one.value for name, one in again.items()} == pytest.approx(
        {name: one.value for name, one in text_run.test.items()}, abs=1e-6
    )
    assert upfit.load_run(text_run.folder).test_openings == 2
    # Others share this run, and count its openings.
    shutil.copy2(kept / "test_openings.jsonl", text_run.folder / "test_openings.jsonl")


def test_without_a_test_part_there_is_none_to_open(sentences, small_text_model, quickly, tmp_path):
    frame = pd.read_csv(sentences("binary"))
    run = upfit.fit(
        train=frame[:30],
        validation=frame[30:],
        out=tmp_path / "run",
        model=small_text_model,
        changes=quickly(),
    )
    assert (run.test, run.test_openings) == (None, 0)
    assert not (tmp_path / "run" / "test_openings.jsonl").exists()
    with pytest.raises(RunFolderError, match="no test part"):
        upfit.load_run(tmp_path / "run").open_test()
    (tmp_path / "run" / "result.json").unlink()
    with pytest.raises(RunFolderError, match="made from data in memory"):
        upfit.resume(tmp_path / "run")


def test_the_same_seed_gives_the_same_run_and_another_seed_another(
    sentences, small_text_model, quickly, tmp_path
):
    runs = [
        upfit.fit(
            sentences("binary"), out=tmp_path / str(k), model=small_text_model, changes=quickly(), seed=s
        )
        for k, s in enumerate((5, 5, 6))
    ]
    losses = [[step.loss for step in run.trace.steps] for run in runs]
    assert losses[0] == losses[1] != losses[2]
    one, same = (load_file(tmp_path / k / "model" / "model.safetensors") for k in "01")
    assert all(value.equal(same[name]) for name, value in one.items())
    assert runs[0].split == runs[1].split != runs[2].split


@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # on a machine with one core
def test_loader_workers_change_nothing(digits, quickly, tmp_path):
    """Augmentation included, since each example draws its own random numbers."""
    losses = []
    for workers in (0, 2):
        changes = (
            *quickly(stopping__steps=2, stopping__evaluations=1),
            Change(path="batching.workers", to=workers),
        )
        run = upfit.fit(digits, out=tmp_path / str(workers), changes=changes)
        losses.append([step.loss for step in run.trace.steps])
    assert losses[0] == losses[1]


def test_resuming_a_finished_run_only_loads_it(text_run):
    class Heard(Silent):
        notes = ()

        def note(self, text):
            self.notes = (*self.notes, text)

    heard = Heard()
    before = (text_run.folder / "result.json").stat().st_mtime_ns
    assert upfit.resume(text_run.folder, watcher=heard).validation == text_run.validation
    assert (text_run.folder / "result.json").stat().st_mtime_ns == before
    assert "is finished already" in heard.notes[0]


class StopIn(Silent):
    """Sends this process a signal as a stage begins, or at a step."""

    def __init__(self, where, number=signal.SIGINT):
        self.where, self.number = where, number

    def stage(self, title):
        if self.where == title:
            os.kill(os.getpid(), self.number)

    def step(self, record, total_steps):
        if self.where == record.step:
            os.kill(os.getpid(), self.number)


@pytest.mark.parametrize(
    "where",
    ["linear probe on the frozen backbone", "planning", 2, 4, "linear probe on the tuned backbone",
     "judging and reporting"],
)  # fmt: skip
def test_an_interrupted_run_goes_on_and_ends_the_same(sentences, small_text_model, quickly, tmp_path, where):
    settings = {"model": small_text_model, "changes": quickly(), "seed": 3}
    whole = upfit.fit(sentences("binary"), out=tmp_path / "whole", **settings)
    # A signal in the very last stage may find the run finished.
    late = where == "judging and reporting"
    stopped = contextlib.nullcontext() if late else pytest.raises(Interrupted, match=r"upfit resume .*run")
    with stopped:
        upfit.fit(
            sentences("binary"), out=tmp_path / "run", watcher=StopIn(where, signal.SIGTERM), **settings
        )
    assert late or not (tmp_path / "run" / "result.json").exists()
    resumed = upfit.resume(tmp_path / "run")
    assert [step.loss for step in resumed.trace.steps] == [step.loss for step in whole.trace.steps]
    one, same = (load_file(tmp_path / k / "model" / "model.safetensors") for k in ("whole", "run"))
    assert all(value.equal(same[name]) for name, value in one.items())


def test_ctrl_c_leaves_with_130_and_resume_finishes(sentences, small_text_model, tmp_path):
    """As a user does it: a process that is interrupted while it tunes, then `upfit resume`."""
    code = (
        "import os, signal, sys; import upfit.cli as cli; from upfit.values import Silent\n"
        "class Stop(Silent):\n"
        "    def evaluation(self, record): os.kill(os.getpid(), signal.SIGINT)\n"
        "cli._watcher = lambda *_: Stop()\n"
        "sys.exit(cli.main(sys.argv[1:]))"
    )
    line = f"fit {sentences('binary')} --out run --model {small_text_model} --set stopping.steps=8"
    line += " --set stopping.evaluations=4 --set inputs.max_length=16 --set batching.size=8"
    run = subprocess.run(
        [sys.executable, "-c", code, *line.split()], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert run.returncode == 130, run.stderr
    assert "upfit resume" in run.stderr
    assert "Traceback" not in run.stderr
    assert not (tmp_path / "run" / "result.json").exists()
    assert main(["resume", str(tmp_path / "run"), "--quiet"]) == 0
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert result["steps"] == 8


def test_training_the_head_alone_leaves_the_backbone_as_it_was(
    sentences, small_text_model, quickly, tmp_path
):
    changes = quickly(layers__train="head", stopping__steps=30)
    run = upfit.fit(sentences("binary"), out=tmp_path / "run", model=small_text_model, changes=changes)
    assert [c.name for c in run.candidates] == ["majority", "probe", "tuned"]
    from upfit.models import load_backbone

    before = load_backbone(small_text_model, "text").state_dict()
    after = run.module.backbone.state_dict()
    assert all(value.equal(after[name]) for name, value in before.items())
