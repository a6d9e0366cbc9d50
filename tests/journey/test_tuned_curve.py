"""A learning curve of whole runs."""

import numpy as np
import pytest

from upfit.errors import InputError
from upfit.journey.tuned_curve import tuned_curve
from upfit.testing import docstring_sentences


def test_tuned_models_make_a_curve_that_goes_on_where_it_stopped(tmp_path):
    frame = docstring_sentences(task="binary", per_class=20)
    out = tmp_path / "runs"
    found = tuned_curve(frame, out=out, budget=8.0)
    assert found.tuned
    assert found.sizes[-1] == 32
    assert np.isfinite(found.errors).all()
    assert "tuned models" in found.sentences()[0]
    before = {path: path.stat().st_mtime_ns for path in out.glob("*/result.json")}
    assert len(before) == 2 * len(found.sizes)
    again = tuned_curve(frame, out=out, budget=8.0)
    assert again.errors.tolist() == found.errors.tolist()
    assert before == {path: path.stat().st_mtime_ns for path in out.glob("*/result.json")}
    with pytest.raises(InputError, match=r"is a run on other data(?s:.*)--out ANOTHER"):
        tuned_curve(frame.assign(text=frame["text"] + "!"), out=out, budget=8.0)
    with pytest.raises(InputError, match="with another model or seed"):
        tuned_curve(frame, out=out, budget=8.0, seed=1)
    assert before == {path: path.stat().st_mtime_ns for path in out.glob("*/result.json")}
