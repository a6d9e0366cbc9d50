"""Decisions about rows: what stands, undo, merging, and files that a kill or another person left."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upfit.errors import InputError
from upfit.values.corrections import Correction, Corrections, Standing, line_of, merged


def made(*entries, fingerprint="f"):
    return Corrections(fingerprint=fingerprint, target="label", source="s.csv", entries=entries)


def said(row, do, to=None, *, by="ada", time=0.0):
    return Correction(row=row, do=do, to=to, by=by, time=time)


def test_the_newest_decision_stands_and_undo_brings_back_the_one_before():
    standing = Standing([said(1, "relabel", "cat"), said(1, "drop"), said(2, "keep")])
    assert standing.of(1).do == "drop"
    standing.add(said(1, "undo"))
    assert standing.of(1).to == "cat"
    standing.add(said(1, "undo"))
    standing.add(said(1, "undo"))
    assert standing.of(1) is None
    assert list(standing.all()) == [2]


def test_undo_takes_back_nobody_elses_decision():
    standing = Standing([said(1, "drop", by="ada"), said(1, "undo", by="bob")])
    assert standing.of(1).do == "drop"


def test_the_plan_holds_what_stands_and_nothing_for_kept_rows():
    plan = made(said(4, "relabel", "cat"), said(2, "drop"), said(3, "keep"), said(1, "relabel", "dog")).plan()
    relabel, drop = plan.actions
    assert (relabel.do, relabel.column, relabel.rows, relabel.to) == (
        "relabel",
        "label",
        (1, 4),
        ["dog", "cat"],
    )
    assert (drop.do, drop.rows) == ("drop", (2,))
    assert plan.fingerprint == "f"


def test_a_comma_in_the_name_of_the_target_does_not_make_it_two():
    one = Corrections(fingerprint="f", target="kind, colour", entries=(said(4, "relabel", "red"),))
    assert [(action.column, action.to) for action in one.plan().actions] == [("kind, colour", ["red"])]
    two = Corrections(fingerprint="f", target="red,blue", entries=(said(4, "relabel", ("red",)),))
    assert [(action.column, action.to) for action in two.plan().actions] == [("red", [1]), ("blue", [0])]


def test_the_plan_for_some_rows_leaves_the_others_out():
    both = made(said(4, "relabel", "cat"), said(2, "drop"))
    assert [one.rows for one in both.plan([2, 9]).actions] == [(2,)]
    assert both.plan([9]).actions == ()


decisions = st.builds(
    lambda row, deed, by: said(row, deed, "cat" if deed == "relabel" else None, by=by),
    st.integers(0, 5),
    st.sampled_from(["keep", "relabel", "drop", "undo"]),
    st.sampled_from(["ada", "bob", "a\nb", "ü"]),
)


@given(st.lists(decisions, max_size=12), st.data())
def test_a_file_cut_anywhere_is_read_up_to_its_last_whole_line(entries, data):
    whole = made(*entries)
    text = whole.to_lines()
    assert Corrections.from_lines(text) == whole
    start = len(whole.header())
    place = data.draw(st.integers(start, len(text)))
    survived = Corrections.from_lines(text[:place]).entries
    complete = text[:place].count("\n") - 1
    # A line that lacks nothing but its end counts.
    assert survived in (whole.entries[:complete], whole.entries[: complete + 1])


def test_two_people_are_merged_and_what_they_disagree_on_is_told():
    ada = made(said(1, "keep", time=1), said(2, "drop", time=2), said(3, "relabel", "cat", time=5))
    bob = made(
        said(1, "keep", by="bob", time=3),
        said(2, "keep", by="bob", time=4),
        said(3, "relabel", "dog", by="bob", time=4),
    )
    both, disputed = merged([ada, bob])
    assert [one.time for one in both.entries] == [1, 2, 3, 4, 4, 5]
    assert sorted(disputed) == [2, 3]
    assert both.final()[2].do == "keep"
    assert both.final()[3].to == "cat"


def test_merging_twice_changes_nothing():
    ada, bob = made(said(1, "drop", time=1)), made(said(1, "keep", by="bob", time=2))
    both, _ = merged([ada, bob])
    again, disputed = merged([both, ada, both])
    assert again == both
    assert list(disputed) == [1]


def test_corrections_of_other_data_are_refused():
    with pytest.raises(InputError, match="made for other data"):
        merged([made(), made(fingerprint="g")])
    with pytest.raises(InputError, match=r"expected: +fingerprint g"):
        made().require("g")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no corrections"),
        ("text,label\nso good,yes\n", "line 1: this is no line of corrections"),
        ('{"row": 1, "do": "drop"}\n', "holds no corrections"),
        ('{"corrections": 2, "fingerprint": "f"}\n', "newer upfit"),
        (made().to_lines() + "rubbish\n", "line 2: this is no line of corrections"),
        (made().to_lines() + '{"row": 1, "do": "dorp"}\n', "did you mean 'drop'"),
        (made().to_lines() + '{"row": -1, "do": "drop"}\n', "greater than or equal to 0"),
        (made().to_lines() + '{"row": 1, "do": "relabel"}\n', "relabel needs"),
        (made().to_lines() + made(fingerprint="g").to_lines(), "several sets of data"),
    ],
)
def test_a_damaged_file_is_refused_with_its_line(text, message):
    with pytest.raises(InputError, match=message):
        Corrections.from_lines(text, "c.jsonl")


def test_files_that_were_joined_are_one():
    joined = made(said(1, "drop")).to_lines() + made(said(2, "drop")).to_lines()
    assert list(Corrections.from_lines(joined).final()) == [1, 2]
    assert line_of(said(1, "drop")).endswith("\n")
