"""Making the split that suits the data: ratios, given parts, and what they leak."""

import numpy as np
import pandas as pd
import pytest

from upfit.data.read import read
from upfit.errors import DataError
from upfit.split.leakage import findings_of_split
from upfit.split.make import make_split
from upfit.split.ratio import parse_ratio
from upfit.testing import digits_folder, docstring_sentences

SENTENCES = docstring_sentences(per_class=20)


def sizes(split):
    return len(split.train), len(split.validation), len(split.test)


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [
        ("8:1:1", (0.8, 0.1, 0.1)),
        ("80:10:10", (0.8, 0.1, 0.1)),
        ("7:3", (0.63, 0.07, 0.3)),
        ("9:1", (0.81, 0.09, 0.1)),
        ("0.7:0.3:0", (0.7, 0.3, 0.0)),
    ],
)
def test_ratios(ratio, expected):
    assert parse_ratio(ratio) == pytest.approx(expected)


@pytest.mark.parametrize(
    "ratio", ["", "8", "8:1:1:1", "a:b", "0:1:1", "8:0:1", "8:-1:1", "nan:1:1", "inf:1:1"]
)
def test_no_ratios(ratio):
    with pytest.raises(DataError, match="is no split ratio") as caught:
        parse_ratio(ratio)
    assert "--split 8:1:1" in str(caught.value)


def test_by_ratio():
    data = read(SENTENCES)
    assert sizes(make_split(data)) == (80, 10, 10)
    assert sizes(make_split(data, ratio="6:2:2")) == (60, 20, 20)
    assert sizes(make_split(data, ratio="8:2:0")) == (80, 20, 0)
    assert make_split(data, seed=1) == make_split(data, seed=1)
    assert make_split(data, seed=1) != make_split(data, seed=2)
    assert make_split(data, seed=3).how == "stratified 8:1:1, seed 3"


def test_the_splitter_suits_the_data():
    users = SENTENCES.assign(user=[f"u{row % 25}" for row in range(100)], day=range(100))
    assert make_split(read(users, group="user")).how == "grouped 8:1:1, seed 0"
    assert make_split(read(users, time="day")).how == "time-ordered 8:1:1, seed 0"
    lists = docstring_sentences(task="multilabel", per_class=20)
    assert make_split(read(lists)).how == "iterative 8:1:1, seed 0"


def test_given_parts_are_respected():
    part = SENTENCES.iloc[:40], SENTENCES.iloc[40:70], SENTENCES.iloc[70:]
    split = make_split(read(parts=dict(zip(("train", "validation", "test"), part, strict=True))))
    assert sizes(split) == (40, 30, 30)
    assert split.train.tolist() == list(range(40))
    assert split.how == "given"


def test_validation_is_cut_from_train():
    split = make_split(read(parts={"train": SENTENCES.iloc[:90], "test": SENTENCES.iloc[90:]}))
    assert sizes(split) == (80, 10, 10)
    assert split.test.tolist() == list(range(90, 100))
    assert split.how == "test given, validation cut from train, stratified 8:1:1, seed 0"


def test_both_are_cut_from_train():
    assert sizes(make_split(read(parts={"train": SENTENCES}))) == (80, 10, 10)


def test_test_stays_empty_where_train_and_validation_were_given():
    split = make_split(read(parts={"train": SENTENCES.iloc[:90], "validation": SENTENCES.iloc[90:]}))
    assert sizes(split) == (90, 10, 0)


def test_leaks_of_given_parts_are_told_and_left():
    data = read(
        parts={"train": SENTENCES.iloc[:60], "validation": SENTENCES.iloc[60:80], "test": SENTENCES.iloc[50:]}
    )
    split = make_split(data)
    assert sizes(split) == (60, 20, 50)
    found = findings_of_split(data, split)
    assert [one.kind for one in found] == ["data_leakage"] * 2
    assert found[0].message == "10 of 50 test rows are also in train; its score is too kind"
    assert found[0].evidence == {"rows": 10.0, "share": 0.2}
    assert SENTENCES["text"][50][:40] in found[0].examples[0]
    assert found[1].evidence["rows"] == 20.0


def test_our_own_splits_leak_nothing():
    doubled = pd.concat([SENTENCES, SENTENCES.assign(text=SENTENCES["text"].str.upper())], ignore_index=True)
    data = read(doubled)
    for seed in range(3):
        assert findings_of_split(data, make_split(data, seed=seed)) == ()


def test_leaking_images_are_named(tmp_path):
    for part in ("train", "test"):
        digits_folder(tmp_path / part, per_class=3)
    data = read(tmp_path)
    found = findings_of_split(data, make_split(data, ratio="2:1:1"))
    assert sum(one.evidence["rows"] for one in found) == 30
    assert found[0].examples[0].startswith(str(tmp_path / "test"))


def test_a_million_rows_are_dealt_by_counting():
    """The dealing itself, without the reading: classes in proportion at a size where loops would show."""
    from scipy.sparse import csr_array

    from upfit.split.stratified import deal

    rng = np.random.default_rng(0)
    codes = rng.integers(0, 1000, 1_000_000)
    counts = csr_array((np.ones(len(codes)), codes, np.arange(len(codes) + 1)), shape=(len(codes), 1000))
    parts = deal(counts, np.ones(len(codes), np.int64), (0.8, 0.1, 0.1), rng)
    assert np.abs(np.bincount(parts) - [800_000, 100_000, 100_000]).max() <= 2
    of_class = np.bincount(codes * 3 + parts, minlength=3000).reshape(1000, 3)
    assert np.abs(of_class - of_class.sum(axis=1, keepdims=True) * [0.8, 0.1, 0.1]).max() <= 1 + 1e-9


def test_a_table_that_was_not_read_is_no_data():
    with pytest.raises(DataError, match="has to be read first"):
        make_split(pd.DataFrame({"x": [1, 2], "y": [0, 1]}))
