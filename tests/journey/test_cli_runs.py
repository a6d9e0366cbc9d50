"""A run from the command line on real digits: fit, show, report, predict, and refusals around them."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest

from upfit import Recipe
from upfit.cli import main
from upfit.testing import digits_folder


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    """A folder with `digits/`, twenty images a class, and a finished run `run/`; and the fit that made it."""
    folder = tmp_path_factory.mktemp("workplace")
    digits_folder(folder / "digits", per_class=20)
    fit = "fit digits --out run --seed 1 --set stopping.steps=6 --set inputs.image_size=64 --json"
    environment = os.environ | {"COLUMNS": "100", "NO_COLOR": "1", "PYTHONUTF8": "1"}
    settings = {"capture_output": True, "text": True, "timeout": 300, "env": environment, "cwd": folder}
    return folder, subprocess.run([sys.executable, "-m", "upfit", *fit.split()], **settings)


@pytest.fixture
def type_in(workplace, capfd, monkeypatch):
    """Type a command in that folder, without paying for a new process each time."""
    folder, fit = workplace
    assert fit.returncode == 0, fit.stderr
    monkeypatch.chdir(folder)

    def run(line):
        code = main(line.split())
        out, err = capfd.readouterr()
        return SimpleNamespace(returncode=code, stdout=out, stderr=err)

    return run


def test_json_is_alone_on_stdout_and_equals_the_file(workplace):
    folder, fit = workplace
    assert fit.returncode == 0, fit.stderr
    result = json.loads(fit.stdout)
    assert result == json.loads((folder / "run" / "result.json").read_text())
    assert result["task"] == "multiclass"
    assert set(result["validation"]["accuracy"]) == {"value", "low", "high"}
    assert result["test_openings"] == 1


def test_progress_goes_to_stderr_in_plain_lines(workplace):
    _, fit = workplace
    assert "reading" in fit.stderr.lower()
    assert "\x1b" not in fit.stderr
    assert "Traceback" not in fit.stderr


def test_the_run_folder_is_complete(workplace):
    folder, _ = workplace
    files = {path.name for path in (folder / "run").iterdir()}
    assert {
        "recipe.yaml", "data.json", "split.parquet", "trace.jsonl", "findings.jsonl", "predictions.parquet",
        "model", "result.json", "report.html", "model_card.md", "test_openings.jsonl",
    } <= files  # fmt: skip


def test_an_existing_run_is_left_alone(workplace, type_in):
    folder, _ = workplace
    before = (folder / "run" / "result.json").read_bytes()
    again = type_in("fit digits --out run --set stopping.steps=1")
    assert again.returncode == 2
    assert "--overwrite" in again.stderr
    assert again.stdout == ""
    assert (folder / "run" / "result.json").read_bytes() == before


def test_resume_of_a_finished_run_shows_it(type_in):
    run = type_in("resume run")
    assert run.returncode == 0, run.stderr
    assert "accuracy" in run.stdout
    assert "upfit predict run INPUT" in run.stdout


def test_quiet_says_nothing(type_in):
    run = type_in("resume run --quiet")
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def test_show_prints_the_settled_recipe(type_in):
    run = type_in("show run")
    assert run.returncode == 0, run.stderr
    recipe = Recipe.from_yaml(run.stdout)
    assert (recipe.seed, recipe.stopping.steps) == (1, 6)
    assert recipe.optimizer.lr != "auto"


def test_report_is_written_again(workplace, type_in):
    folder, _ = workplace
    (folder / "run" / "report.html").unlink()
    run = type_in("report run")
    assert (run.returncode, run.stdout) == (0, "run/report.html\n"), run.stderr
    assert "<html" in (folder / "run" / "report.html").read_text(encoding="utf-8")


def test_predict_writes_csv_to_stdout(type_in):
    run = type_in("predict run digits/3")
    assert run.returncode == 0, run.stderr
    rows = list(csv.DictReader(run.stdout.splitlines()))
    assert len(rows) == 20
    probabilities = [float(rows[0][f"probability_{digit}"]) for digit in range(10)]
    assert sum(probabilities) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_predict_writes_tables(workplace, type_in, ending):
    import pandas

    folder, _ = workplace
    run = type_in(f"predict run digits/3/0003.png --out answers.{ending}")
    assert (run.returncode, run.stdout) == (0, ""), run.stderr
    path = folder / f"answers.{ending}"
    read = {"csv": pandas.read_csv, "parquet": pandas.read_parquet}
    rows = pandas.read_json(path, lines=True) if ending == "jsonl" else read[ending](path)
    assert len(rows) == 1
    assert "prediction" in rows.columns


def test_predict_keeps_the_place_of_what_cannot_be_read(workplace, type_in, caplog):
    folder, _ = workplace
    (folder / "some").mkdir()
    shutil.copy(folder / "digits" / "3" / "0003.png", folder / "some" / "a.png")
    (folder / "some" / "b.png").write_bytes(b"")
    shutil.copy(folder / "digits" / "3" / "0003.png", folder / "some" / "c.png")
    run = type_in("predict run some")
    assert run.returncode == 0, run.stderr
    rows = list(csv.DictReader(run.stdout.splitlines()))
    assert [row["image"][-5:] for row in rows] == ["a.png", "b.png", "c.png"]
    assert rows[0]["prediction"] == rows[2]["prediction"] != ""
    assert rows[1]["prediction"] == rows[1]["probability_3"] == ""
    assert "1 of 3 images cannot be read and have no prediction" in caplog.text
    assert "b.png" in caplog.text


REFUSED = {
    "fit nowhere": "nowhere",
    "resume nowhere": "nowhere is not a run folder",
    "report digits": "digits is not a run folder",
    "predict digits digits": "digits is not a run folder",
    "predict run nowhere.png": "nowhere.png",
    "fit digits --metric beauty --out other": "beauty",
    "fit digits --model packaged:nothing --out other": "nothing",
    "fit digits --set techniques.emma.decay=0.9 --out other": "emma",
    "fit digits --split 0:0 --out other": "0:0",
}


@pytest.mark.parametrize("line", REFUSED)
def test_what_cannot_be_done_is_said_and_leaves_nothing_behind(workplace, type_in, line):
    folder, _ = workplace
    shutil.rmtree(folder / "other", ignore_errors=True)
    run = type_in(line)
    assert run.returncode == 2, run.stderr
    assert run.stdout == ""
    assert REFUSED[line] in run.stderr
    assert "Traceback" not in run.stderr
    assert not (folder / "other").exists()
