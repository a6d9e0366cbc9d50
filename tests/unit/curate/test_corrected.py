"""Corrections reach the rows that a run learns from, and no other."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from upfit.curate.clean import clean
from upfit.curate.corrected import corrected
from upfit.data.read import read
from upfit.data.targets import targets
from upfit.errors import InputError
from upfit.split.make import make_split
from upfit.testing import docstring_sentences
from upfit.values.corrections import Correction, Corrections


@pytest.fixture(scope="module")
def data():
    return read(docstring_sentences(task="binary", per_class=30))


@pytest.fixture
def split(data):
    return make_split(data)


def other(data, row):
    known = data.table[int(row)][data.schema.target[0]]
    return next(name for name in data.schema.classes if name != known)


def made(data, *entries):
    return Corrections(fingerprint=data.fingerprint, target=data.schema.target[0], entries=entries)


def test_training_rows_are_relabelled_and_dropped(data, split):
    first, second, third = split.train[:3].tolist()
    decided = made(
        data,
        Correction(row=first, do="relabel", to=other(data, first)),
        Correction(row=second, do="drop"),
        Correction(row=third, do="keep"),
    )
    new, cut, finding = corrected(data, split, decided)
    assert np.array_equal(cut.train, np.setdiff1d(split.train, [second]))
    changed = targets(data, cut.train) != targets(new, cut.train)
    assert cut.train[changed].tolist() == [first]
    assert new.fingerprint == data.fingerprint
    assert "1 training row relabelled, 1 dropped" in finding.message
    assert finding.evidence["left_out"] == 0


def test_what_judges_stays_whatever_was_decided_about_it(data, split):
    judges = [int(split.validation[0]), int(split.test[0])]
    entries = [
        Correction(row=judges[0], do="relabel", to=other(data, judges[0])),
        Correction(row=judges[1], do="drop"),
    ]
    new, cut, finding = corrected(data, split, made(data, *entries))
    assert cut == split
    assert np.array_equal(targets(new, split.validation), targets(data, split.validation))
    assert finding.evidence == {"relabelled": 0, "dropped": 0, "left_out": 2}
    assert "judged alike" in finding.message


def test_a_split_that_was_cut_before_is_cut_no_further(data, split):
    row = int(split.train[5])
    decided = made(data, Correction(row=row, do="drop"))
    _, once, told = corrected(data, split, decided)
    _, twice, again = corrected(data, once, decided)
    assert twice == once
    assert (twice.how, again) == (once.how, told)


def test_a_number_is_relabelled_too():
    frame = docstring_sentences(task="regression", per_class=20)
    data = read(frame, task="regression")
    split = make_split(data)
    row = int(split.train[0])
    new, _, _ = corrected(data, split, made(data, Correction(row=row, do="relabel", to=12345.0)))
    assert targets(new, np.array([row])).tolist() == [12345.0]


@pytest.mark.parametrize("columns", [False, True])
def test_rows_with_several_labels_are_relabelled(columns):
    frame = docstring_sentences(task="multilabel", per_class=30)
    names = ["Examples", "Notes", "Parameters"]
    kept = [[name for name in names if name in labels] for labels in frame["labels"]]
    if columns:
        flags = {name: [int(name in labels) for labels in kept] for name in names}
        frame = pd.DataFrame({"text": frame["text"], **flags})
    else:
        frame = frame.assign(labels=kept)[[bool(labels) for labels in kept]].reset_index(drop=True)
    data = read(frame, target=names if columns else "labels", task="multilabel")
    split = make_split(data)
    row = int(split.train[0])
    entry = Correction(row=row, do="relabel", to=["Examples", "Parameters"])
    decided = Corrections(fingerprint=data.fingerprint, target=",".join(data.schema.target), entries=(entry,))
    # As from the file: a list there is what it was here.
    decided = Corrections.from_lines(decided.to_lines())
    assert decided.entries == (entry,)
    new, _, finding = corrected(data, split, decided)
    found = targets(new, np.array([row]))[0]
    assert {new.schema.classes[k] for k in np.flatnonzero(found)} == {"Examples", "Parameters"}
    assert finding.evidence == {"relabelled": 1, "dropped": 0, "left_out": 0}
    others = split.train[1:]
    np.testing.assert_array_equal(targets(new, others), targets(data, others))
    wrong = decided.replace(entries=(Correction(row=row, do="relabel", to=["Example"]),))
    with pytest.raises(InputError, match=r"row [0-9]+: there is no class 'Example'"):
        corrected(data, split, wrong)


def test_corrections_that_do_not_fit_are_refused(data, split):
    row = int(split.train[0])
    with pytest.raises(InputError, match="there is no class 'fish'"):
        corrected(data, split, made(data, Correction(row=row, do="relabel", to="fish")))
    with pytest.raises(InputError, match=f"the correction of row {len(data):,}: there is no row {len(data)}"):
        corrected(data, split, made(data, Correction(row=len(data), do="drop")))
    with pytest.raises(InputError, match="made for other data"):
        corrected(data, split, made(data).replace(fingerprint="g"))
    everything = [Correction(row=int(one), do="drop") for one in split.train]
    with pytest.raises(InputError, match="every training row"):
        corrected(data, split, made(data, *everything))


def test_clean_applies_a_file_of_corrections_to_a_copy(tmp_path):
    frame = docstring_sentences(task="binary", per_class=20)
    frame.to_csv(tmp_path / "mine.csv", index=False)
    data = read(tmp_path / "mine.csv")
    decided = made(data, Correction(row=0, do="relabel", to=other(data, 0)), Correction(row=1, do="drop"))
    (tmp_path / "corrections.jsonl").write_text(decided.to_lines())
    clean(tmp_path / "mine.csv", plan=tmp_path / "corrections.jsonl", out=tmp_path / "copy")
    copy = pd.read_csv(tmp_path / "copy" / "data.csv")
    assert len(copy) == len(frame) - 1
    assert copy["label"][0] == other(data, 0)
    assert pd.read_csv(tmp_path / "mine.csv").equals(frame.reset_index(drop=True))


def test_corrections_of_other_data_are_told_what_helps(tmp_path):
    frame = docstring_sentences(task="binary", per_class=20)
    decided = made(read(frame), Correction(row=1, do="drop"))
    (tmp_path / "corrections.jsonl").write_text(decided.to_lines())
    with pytest.raises(InputError, match="these corrections were made for other data") as refused:
        clean(frame[1:], plan=tmp_path / "corrections.jsonl", out=tmp_path / "copy")
    assert "as they were reviewed" in str(refused.value)
    assert "upfit review DATA" in str(refused.value)
    assert "audit" not in str(refused.value)
    assert not (tmp_path / "copy").exists()
