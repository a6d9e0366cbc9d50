"""What was understood of the data stays readable, whatever columns and classes are called."""

import pandas as pd

from upfit.data.describe import describe
from upfit.data.read import read


def test_long_names_are_cut_and_line_breaks_folded():
    rows = {
        "text": ["so good", "so bad"] * 8,
        "c" * 3000: [1.5, 2.25] * 8,
        "label": ["two\nlines", "L" * 9999] * 8,
    }
    told = describe(read(pd.DataFrame(rows), kinds={"c" * 3000: "number"}, target="label"))
    assert "two lines 8" in told
    assert [line.split()[0] for line in told.splitlines()] == ["data", "inputs", "target", "task"]
    assert max(map(len, told.splitlines())) < 200
