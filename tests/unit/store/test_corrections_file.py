"""The file of decisions: on the disk at once, whole after a kill, one page at a time."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from upfit.errors import InputError
from upfit.store.corrections_file import Ledger, read_corrections
from upfit.values.corrections import Correction, Corrections

ABOUT = Corrections(fingerprint="f" * 64, target="label", source="s.csv")


def drop(row):
    return Correction(row=row, do="drop", by="ada")


@pytest.fixture
def opened(tmp_path):
    """`opened()`: the ledger over one file, closed in the end."""
    ledgers = []

    def ledger(about=ABOUT):
        ledgers.append(Ledger(tmp_path / "made" / "corrections.jsonl", about))
        return ledgers[-1]

    yield ledger
    for one in ledgers:
        one.close()


def test_each_decision_is_in_the_file_when_add_returns(opened):
    ledger = opened()
    for row in range(3):
        ledger.add(drop(row))
        assert len(read_corrections(ledger.path).entries) == row + 1
    assert ledger.corrections == read_corrections(ledger.path)


def test_a_new_page_goes_on_where_the_last_one_ended(opened):
    first = opened()
    first.add(drop(1))
    first.close()
    second = opened()
    second.add(Correction(row=1, do="undo", by="ada"))
    assert second.standing.of(1) is None
    assert len(read_corrections(second.path).entries) == 2


@pytest.mark.parametrize("kept", [0, 1, 30, -1])
def test_a_line_that_a_kill_cut_short_is_mended(opened, kept):
    ledger = opened()
    ledger.add(drop(1))
    start = ledger.path.stat().st_size
    ledger.add(drop(2))
    ledger.close()
    size = ledger.path.stat().st_size
    os.truncate(ledger.path, size - 1 if kept < 0 else start + kept)
    again = opened()
    again.add(drop(3))
    assert [one.row for one in read_corrections(again.path).entries] == ([1, 2, 3] if kept < 0 else [1, 3])


def test_a_clock_that_was_set_back_puts_nothing_before(opened, monkeypatch):
    ledger = opened()
    first = ledger.add(drop(1))
    monkeypatch.setattr("time.time", lambda: first.time - 3600)
    assert ledger.add(drop(2)).time > first.time


def test_two_pages_do_not_write_into_one_file(opened):
    opened()
    with pytest.raises(InputError, match="in use by another upfit review"):
        opened()


def test_a_file_of_other_data_is_refused_and_left_alone(opened):
    ledger = opened()
    ledger.add(drop(1))
    ledger.close()
    before = ledger.path.read_bytes()
    with pytest.raises(InputError, match="made for other data"):
        opened(ABOUT.replace(fingerprint="g"))
    assert ledger.path.read_bytes() == before


def test_a_file_that_is_something_else_is_left_alone(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("text,label\nso good,yes\n")
    with pytest.raises(InputError, match="no line of corrections"):
        Ledger(path, ABOUT)
    assert path.read_text().startswith("text,label")
    with pytest.raises(InputError, match="cannot be read"):
        read_corrections(tmp_path / "nothing.jsonl")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_told_and_nothing_counts_as_decided(opened):
    ledger = opened()
    ledger.add(drop(1))
    kept = ledger._file
    with Path("/dev/full").open("ab", buffering=0) as full:
        ledger._file = full
        with pytest.raises(InputError, match="No space left"):
            ledger.add(drop(2))
    ledger._file = kept
    assert list(ledger.standing.all()) == [1]
    ledger.add(drop(3))
    assert [one.row for one in read_corrections(ledger.path).entries] == [1, 3]
