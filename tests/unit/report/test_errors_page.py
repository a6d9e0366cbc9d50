"""The page of what a run gets wrong: labels and notes from data neither run nor turn it around."""

from __future__ import annotations

import pandas as pd

from upfit.data.read import read
from upfit.diagnose.mistakes.result import Mistakes
from upfit.report.audit_page import mistakes_page
from upfit.values import Finding

HOSTILE = "<script>alert(1)</script> \u202etac \x1b[2J"


def test_labels_are_escaped_and_printable():
    frame = pd.DataFrame({"text": [f"so good {k}" for k in range(20)], "label": [HOSTILE, "b"] * 10})
    said = f"row 0: {HOSTILE}, said b (0.90)"
    found = Finding(
        kind="slice", severity="warning", message=f"'{HOSTILE}' is odd", rows=(0,), examples=(said,)
    )
    page = mistakes_page(Mistakes(read(frame), (found,), validation=20))
    assert "<script>alert" not in page
    assert not {"\u202e", "\x1b"} & set(page)
    # As heading, as label with its title, and below the example with its title.
    assert page.count(r"&lt;script&gt;alert(1)&lt;/script&gt; \u202etac \x1b[2J") >= 5
