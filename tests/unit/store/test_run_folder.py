"""Run folders: created, refused, locked, opened again, and each of their files there and back."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from upfit.errors import RunFolderError
from upfit.store import RunFolder
from upfit.store.run_folder import estimates_from_json, estimates_to_json
from upfit.values import Change, Estimate, Finding, Predictions, Recipe, Split


@pytest.fixture(autouse=True)
def _unlocked(monkeypatch):
    """Let go of every folder that a test has locked, as the end of its process would."""
    locked = []
    lock = RunFolder.lock

    def remembered(self):
        locked.append(self)
        lock(self)

    monkeypatch.setattr(RunFolder, "lock", remembered)
    yield
    for folder in locked:
        folder.unlock()


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_new_folder_is_made_with_its_parents_and_its_version(tmp_path):
    folder = RunFolder.create(tmp_path / "deep" / "run")
    assert RunFolder.open(folder.path).read_json("run.json")["version"] == 1


def test_an_empty_folder_may_become_a_run(tmp_path):
    RunFolder.create(tmp_path)
    assert (tmp_path / "run.json").is_file()


def test_an_existing_run_is_never_written_over_unasked(tmp_path):
    RunFolder.create(tmp_path / "run").write_text("result.json", "{}")
    before = files(tmp_path)
    with pytest.raises(RunFolderError) as refused:
        RunFolder.create(tmp_path / "run")
    assert "exists already" in str(refused.value)
    assert f"upfit resume {tmp_path / 'run'}, another --out, or --overwrite" in str(refused.value)
    assert files(tmp_path) == before


def test_overwrite_replaces_a_run_whole(tmp_path):
    first = RunFolder.create(tmp_path / "run")
    first.write_text("result.json", "{}")
    first.unlock()
    RunFolder.create(tmp_path / "run", overwrite=True)
    assert not (tmp_path / "run" / "result.json").exists()


def test_the_mark_of_a_run_that_is_replaced_goes_last(tmp_path, monkeypatch):
    """A kill half-way leaves what is still known as a run's, and may be replaced."""
    run = tmp_path / "run"
    first = RunFolder.create(run)
    first.write_text("result.json", "{}")
    first.unlock()
    remove, marked = RunFolder.remove, {}

    def watched(self, name):
        remove(self, name)
        marked[name] = (run / "run.json").is_file()

    monkeypatch.setattr(RunFolder, "remove", watched)
    RunFolder.create(run, overwrite=True)
    assert marked == {"result.json": True, ".lock": True}


def test_overwrite_never_deletes_what_is_not_a_run(tmp_path):
    (tmp_path / "thesis.txt").write_text("five years")
    with pytest.raises(RunFolderError, match="is not a run folder, so --overwrite does not delete it"):
        RunFolder.create(tmp_path, overwrite=True)
    assert files(tmp_path) == {(tmp_path / "thesis.txt").relative_to(tmp_path): b"five years"}


def test_a_file_in_the_way_is_left_alone(tmp_path):
    (tmp_path / "run").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(RunFolderError, match=r"run is a file\n.*another --out"):
            RunFolder.create(tmp_path / "run", overwrite=overwrite)
    assert (tmp_path / "run").read_text() == "mine"


def test_a_path_through_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(RunFolderError, match="cannot create the run folder"):
        RunFolder.create(tmp_path / "file" / "run")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_place_that_cannot_be_written_to_is_said_before_any_work(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(RunFolderError, match="cannot be written to"):
        RunFolder.require_free(tmp_path / "deep" / "run", overwrite=False)
    tmp_path.chmod(0o700)


@pytest.mark.parametrize("version", [2, 99, "2", None])
def test_a_run_of_a_newer_version_is_not_touched(tmp_path, version):
    RunFolder.create(tmp_path / "run")
    (tmp_path / "run" / "run.json").write_text(json.dumps({"version": version}))
    with pytest.raises(RunFolderError) as refused:
        RunFolder.open(tmp_path / "run")
    assert "was written by a newer upfit" in str(refused.value)
    assert f"got:      version {version}" in str(refused.value)
    assert "pip install --upgrade upfit" in str(refused.value)


@pytest.mark.parametrize(
    ("content", "message"), [("{", "is damaged"), ("[]", "is damaged"), ("\udcff", "is damaged")]
)
def test_a_damaged_mark_is_explained(tmp_path, content, message):
    (tmp_path / "run.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(RunFolderError, match=message):
        RunFolder.open(tmp_path)


def test_what_is_no_run_folder_is_explained(tmp_path):
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(RunFolderError, match=r"is not a run folder\n  expected: a folder with run\.json"):
            RunFolder.open(path)


def test_a_run_of_a_similar_name_is_suggested(tmp_path):
    RunFolder.create(tmp_path / "flowers-1")
    with pytest.raises(RunFolderError, match=r"did you mean .*flowers-1\?"):
        RunFolder.open(tmp_path / "flowers1")


def test_a_folder_of_other_files_is_not_called_a_run_that_can_go_on(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(RunFolderError, match="is not a run folder, and holds other files") as refused:
        RunFolder.require_free(tmp_path, overwrite=False)
    assert "resume" not in str(refused.value)


def test_a_file_that_a_run_has_not_yet_written_is_explained(tmp_path):
    folder = RunFolder.create(tmp_path / "run")
    with pytest.raises(RunFolderError, match=r"plan\.json is missing: the run did not get that far"):
        folder.read_json("plan.json")


def test_two_processes_cannot_work_on_one_run(tmp_path):
    RunFolder.create(tmp_path / "run")
    code = (
        "import sys; from pathlib import Path; from upfit.store.run_folder import RunFolder\n"
        "RunFolder.open(Path(sys.argv[1])).lock()"
    )
    run = subprocess.run([sys.executable, "-c", code, str(tmp_path / "run")], capture_output=True, text=True)
    assert "run is in use by another upfit process" in run.stderr


def test_a_running_run_is_not_overwritten(tmp_path):
    held = RunFolder.create(tmp_path / "run")
    held.write_text("recipe.yaml", "seed: 1")
    with pytest.raises(RunFolderError, match="in use"):
        RunFolder.create(tmp_path / "run", overwrite=True)
    assert (tmp_path / "run" / "recipe.yaml").read_text() == "seed: 1"


def test_a_helper_process_writes_nothing(tmp_path):
    folder = RunFolder.create(tmp_path / "run", writes=False)
    folder.write_text("recipe.yaml", "seed: 1")
    folder.write_json("plan.json", {})
    folder.count_opening()
    assert not (tmp_path / "run").exists()


def test_split_recipe_and_findings_come_back_equal(tmp_path):
    folder = RunFolder.create(tmp_path / "run")
    split = Split(np.arange(5), np.array([5, 7]), np.array([], np.int64), "stratified 8:1:1, seed 0")
    finding = Finding(kind="k", severity="info", message="a “b”", cures=(Change(path="seed", to=1),))
    folder.write_split(split)
    folder.write_text("recipe.yaml", Recipe(seed=3).to_yaml())
    folder.write_findings((finding, finding))
    assert folder.read_split() == split
    assert folder.read_split().how == split.how
    assert folder.read_recipe() == Recipe(seed=3)
    assert folder.read_findings() == (finding, finding)


@pytest.mark.parametrize("targets", [np.array([0, 1]), np.array([[0, 1], [1, 1]], np.float32)])
def test_predictions_come_back_equal(tmp_path, targets):
    folder = RunFolder.create(tmp_path / "run")
    assert folder.read_predictions() is None
    scores = np.array([[0.25, 0.75], [0.1, 0.9]], np.float32)
    folder.write_predictions(Predictions(np.array([3, 8]), scores, targets))
    again = folder.read_predictions()
    assert again.rows.tolist() == [3, 8]
    assert np.array_equal(again.scores, scores)
    assert np.array_equal(again.targets, targets)


def test_estimates_come_back_equal():
    estimates = {"accuracy": Estimate(0.5, 0.25, 0.75)}
    assert estimates_from_json(json.loads(json.dumps(estimates_to_json(estimates)))) == estimates


def test_openings_of_the_test_part_are_counted_over_sessions(tmp_path):
    folder = RunFolder.create(tmp_path / "run")
    assert folder.openings() == 0
    assert [folder.count_opening(), folder.count_opening()] == [1, 2]
    assert RunFolder.open(folder.path).openings() == 2


def test_seconds_of_earlier_sessions_include_the_training_since_they_were_noted(tmp_path):
    folder = RunFolder.create(tmp_path / "run")
    assert folder.seconds_spent() == 0
    folder.write_seconds(12.5)
    assert folder.seconds_spent() == 12.5
    line = {"kind_of_record": "step", "step": 1, "epoch": 0.1, "loss": 1.0, "lr": 0.1, "gradient_norm": 1.0}
    line |= {"examples": 8, "seconds": 4.0, "rss_mb": 1.0}
    (folder.path / "trace.jsonl").write_text(json.dumps(line) + "\n")
    assert folder.seconds_spent() == 16.5


def test_json_is_strict(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        RunFolder.create(tmp_path / "run").write_json("plan.json", {"loss": float("nan")})
