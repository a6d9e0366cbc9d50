"""A learning curve of whole runs."""

import json
import time

import numpy as np
import pytest

from upfit.errors import InputError
from upfit.journey.tuned_curve import tuned_curve
from upfit.testing import docstring_sentences

BUDGET = 45.0
"""Affords three to six runs, however fast the machine: each keeps seconds for its beginning and its end."""


@pytest.fixture(scope="module")
def frame():
    return docstring_sentences(task="binary", per_class=20)


@pytest.fixture(scope="module")
def short(frame, small_text_model, tmp_path_factory):
    """A curve on a short budget, and the folder of its runs."""
    out = tmp_path_factory.mktemp("curve") / "runs"
    return tuned_curve(frame, out=out, budget=BUDGET, model=small_text_model), out


def finished(out):
    return {path: path.stat().st_mtime_ns for path in out.glob("*/result.json")}


def test_a_short_budget_makes_fewer_runs_and_says_so(short):
    found, out = short
    assert found.tuned
    assert found.sizes[-1] == 32
    assert np.isfinite(found.errors).all()
    assert "tuned models" in found.sentences()[0]
    assert len(found.sizes) <= len(finished(out)) < 8
    assert f"{len(finished(out))} of 8 runs" in found.remarks[0]
    assert found.remarks[0] in found.sentences()
    assert found.to_dict()["remarks"] == list(found.remarks)


def test_a_curve_that_is_finished_is_read_and_runs_of_others_are_refused(frame, small_text_model, short):
    found, out = short
    before, settled = finished(out), {"out": out, "budget": BUDGET, "model": small_text_model}
    again = tuned_curve(frame, **settled)
    assert again.errors.tolist() == found.errors.tolist()
    with pytest.raises(InputError, match=r"is a run on other data(?s:.*)--out ANOTHER"):
        tuned_curve(frame.assign(text=frame["text"] + "!"), **settled)
    with pytest.raises(InputError, match="with another model or seed"):
        tuned_curve(frame, seed=1, **settled)
    assert finished(out) == before


def test_a_second_repetition_is_made_whole_or_not_at_all(frame, small_text_model, short):
    found, out = short
    planned = json.loads((out / "plan.json").read_text())
    (out / "plan.json").write_text(json.dumps(planned | {"repeats": 2, "budget": 60.0}))
    settled = {"out": out, "budget": 60.0, "model": small_text_model}
    late = tuned_curve(frame, started=time.time() - 50, **settled)
    assert late.errors.tolist() == found.errors.tolist()
    assert late.remarks == found.remarks
    assert len(finished(out)) == len(found.sizes)
    whole = tuned_curve(frame, **settled)
    assert len(finished(out)) == 2 * len(found.sizes)
    assert whole.sizes.tolist() == found.sizes.tolist()


def test_a_budget_that_affords_no_curve_is_refused_before_anything_is_written(frame, tmp_path):
    with pytest.raises(InputError, match="too short for a curve of tuned models") as refused:
        tuned_curve(frame, out=tmp_path / "runs", budget=5.0)
    assert "for 3 runs that see each of 8 to 32 rows once" in str(refused.value)
    assert not (tmp_path / "runs").exists()
