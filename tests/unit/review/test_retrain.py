"""Retraining: the same request with corrections, judged on the same validation rows."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import upfit
from upfit.errors import RunFolderError
from upfit.journey.runs import data_of
from upfit.review.compare import compare
from upfit.review.open import of_run
from upfit.review.retrain import fit_words
from upfit.store import RunFolder
from upfit.values import Predictions, Silent
from upfit.values.corrections import Correction, Corrections


@pytest.fixture(scope="module")
def heard():
    """A watcher that remembers what was said on the screen."""

    class Listening(Silent):
        said: tuple[str, ...] = ()

        def note(self, text):
            self.said += (text,)

    return Listening()


@pytest.fixture(scope="module")
def after(text_run, sentences, quickly, tmp_path_factory, heard):
    """The run again, with two training rows dropped, one relabelled, and one validation row relabelled."""
    data = data_of(RunFolder.open(text_run.folder))
    first, second, third = text_run.split.train[:3].tolist()
    classes, target = data.schema.classes, data.schema.target[0]
    judged = int(text_run.split.validation[0])
    wrong = {row: next(one for one in classes if one != data.table[row][target]) for row in (third, judged)}
    entries = [Correction(row=row, do="drop") for row in (first, second)]
    entries += [Correction(row=row, do="relabel", to=to) for row, to in wrong.items()]
    decided = Corrections(fingerprint=data.fingerprint, target=target, entries=tuple(entries))
    path = tmp_path_factory.mktemp("corrected") / "corrections.jsonl"
    path.write_text(decided.to_lines())
    out = path.parent / "run"
    settings = {"out": out, "changes": quickly(), "seed": 1, "corrections": path, "watcher": heard}
    return upfit.fit(sentences("multiclass"), **settings)


def test_a_corrected_run_learns_from_other_rows_and_is_judged_on_the_same(text_run, after, heard):
    assert len(after.split.train) == len(text_run.split.train) - 2
    assert np.array_equal(after.split.validation, text_run.split.validation)
    assert np.array_equal(after.predictions.targets, text_run.predictions.targets)
    [finding] = [one for one in after.findings if one.kind == "corrected_by_hand"]
    assert "1 training row relabelled, 2 dropped; 1 about validation" in finding.message
    assert finding.message in heard.said
    assert (after.folder / "corrections.jsonl").is_file()


def test_before_and_after_stand_side_by_side(text_run, after):
    found = compare(text_run, after)
    assert found["rows"] == len(text_run.split.validation)
    assert found["gain"]["value"] == pytest.approx(found["after"]["value"] - found["before"]["value"])
    assert found["gain"]["low"] <= found["gain"]["value"] <= found["gain"]["high"]
    assert found["before"]["value"] == pytest.approx(text_run.validation["accuracy"].value)
    same = compare(text_run, text_run)
    assert same["verdict"] == 0
    assert "exactly the same" in same["sentence"]


def test_only_common_rows_are_compared_and_other_labels_are_refused(text_run):
    given = text_run.predictions
    half = Predictions(given.rows[::-1][::2], given.scores[::-1][::2], given.targets[::-1][::2])
    found = compare(text_run, replace(text_run, predictions=half))
    assert found["rows"] == len(half.rows)
    assert found["gain"]["value"] == 0
    moved = Predictions(given.rows, given.scores, given.targets[::-1])
    with pytest.raises(RunFolderError, match="other labels"):
        compare(text_run, replace(text_run, predictions=moved))


def test_a_runs_test_part_stays_sealed(text_run):
    subjects = of_run(text_run.folder)
    parts = np.array(subjects.data.table["__part__"])
    assert (parts[text_run.split.test] == "test").all()
    assert (parts[text_run.split.validation] == "validation").all()
    assert subjects.data.fingerprint == text_run.data_fingerprint


def test_every_field_of_a_request_has_a_flag(text_run, upfit_command):
    request = RunFolder.open(text_run.folder).read_json("request.json")
    words = fit_words(request, recipe=Path("r.yaml"), out=Path("o"))
    assert words[:2] == ["fit", request["data"]]
    full = request | {"data": None, "parts": {"train": "a.csv", "test": "b.csv"}, "target": ["x", "y"]}
    full |= {"task": "multilabel", "kinds": {"c": "text"}, "group": "g", "time": "t", "metric": "map"}
    full |= {"budget": 90.0, "repair_splits": True, "clean": True}
    written = " ".join(fit_words(full, recipe=Path("r.yaml"), out=Path("o")))
    assert "--train a.csv --test b.csv --target x,y --task multilabel --group g --time t" in written
    assert "--kind c=text --budget 90s --repair-splits --clean auto --recipe r.yaml --out o" in written
    helped = upfit_command("fit", "--help").stdout
    for flag in re.findall(r"--[a-z-]+", written):
        assert flag in helped, flag
