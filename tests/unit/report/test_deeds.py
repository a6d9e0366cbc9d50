"""Proposed edits in words: one row is one row, and a name stays on its line."""

from upfit.report.deeds import deeds
from upfit.values import Action, Finding


def test_rows_are_counted_and_names_cut():
    edits = (
        Action(do="relabel", column="label", rows=(3,), to=["a"], because="odd"),
        Action(do="collect", column="label", values=("two\nlines", "L" * 10_000), to=5, because="few"),
        Action(do="collect", rows=(1,), to=2, because="hard"),
    )
    first, second, third = deeds(Finding(kind="k", severity="info", message="", actions=edits))
    assert first == "relabel 'label', 1 row: odd"
    assert second.startswith("collect 5 more with 'label' = two lines, LLL")
    assert second.endswith("L…: few")
    assert third == "collect 2 more like 1 row: hard"
