"""Split, Estimate, Finding and Run: the values of evidence."""

from __future__ import annotations

import numpy as np
import pytest

from upfit.errors import RecipeError, RunFolderError
from upfit.values import Change, Estimate, Finding, Recipe, Run, Schema, Split, Trace
from upfit.values.trace import Step


def split(train=(0, 1), validation=(2,), test=(3,), how="given"):
    return Split(*(np.array(rows, np.int64) for rows in (train, validation, test)), how)


def test_splits_with_the_same_rows_are_equal_whatever_made_them():
    assert split(how="given") == split(how="stratified")
    assert hash(split()) == hash(split(how="other"))


def test_a_row_that_moves_makes_another_split():
    assert split((0,), (1, 2)) != split((0, 1), (2,))
    assert split((0, 1), (2,), (3,)) != split((0, 1), (2, 3), ())
    assert split() != "split"


def test_an_estimate_reads_as_value_and_interval():
    estimate = Estimate(0.97, 0.95, 0.985)
    assert (str(estimate), float(estimate)) == ("0.970 (0.950 to 0.985)", 0.97)
    assert eval(repr(estimate)) == estimate
    assert len({estimate, Estimate(0.97, 0.95, 0.985)}) == 1


def test_a_finding_survives_json_with_its_cures():
    finding = Finding(
        kind="overfit",
        severity="warning",
        message="validation loss rises",
        evidence={"rise": 0.2},
        cures=(Change(path="stopping.patience", to=2),),
    )
    again = Finding(**finding.model_dump(mode="json"))
    assert again == finding
    assert hash(again) == hash(finding)


def test_a_finding_of_unknown_severity_is_refused():
    with pytest.raises(RecipeError, match="severity"):
        Finding(kind="x", severity="awful", message="y")


def test_a_run_without_model_or_test_part_says_so():
    schema = Schema(columns=(), target=("y",), task="binary", classes=("a", "b"))
    run = Run(Recipe(), schema, "", split(), Trace(), "accuracy", {})
    with pytest.raises(RunFolderError, match="no model to predict with"):
        run.predict(["x"])
    with pytest.raises(RunFolderError, match="no test part"):
        run.open_test()


def test_what_a_notebook_prints_is_a_line():
    schema = Schema(columns=(), target=("y",), task="binary", classes=("a", "b"))
    steps = tuple(Step(k, 0.0, 1.0, 1e-3, 1.0, 8, 0.1, 9.0) for k in range(900))
    rows = split(train=tuple(range(5000)), validation=(5000,), test=(5001,))
    reached = {"accuracy": Estimate(0.97, 0.95, 0.985)}
    run = Run(Recipe(), schema, "", rows, Trace(steps), "accuracy", reached)
    assert repr(run) == "Run(binary: accuracy 0.970 (0.950 to 0.985) on validation, 900 steps)"
    assert repr(run.split) == "Split(5,000 train, 1 validation, 1 test: given)"
    assert repr(run.trace) == "Trace(900 steps, 0 evaluations, 0 events, 0 looks)"
    assert repr(Run(Recipe(), schema, "", split(), Trace(), "accuracy", {})) == "Run(binary: )"
