"""A column that says which part each row belongs to."""

import numpy as np
import pytest

from upfit.data.describe import describe
from upfit.data.read import read
from upfit.split.make import make_split
from upfit.testing import docstring_sentences
from upfit.values import PART

SENTENCES = docstring_sentences(per_class=10)
NAMES = np.array(["train", "val", "TEST ", "train"])
MEANT = np.array(["train", "validation", "test", "train"])
ROWS = np.arange(len(SENTENCES)) % 4


def with_parts(names=NAMES, column="split"):
    return SENTENCES.assign(**{column: names[ROWS]})


@pytest.mark.parametrize("column", ["split", "Split", "subset"])
def test_rows_go_to_the_part_that_is_written_beside_them(column):
    data = read(with_parts(column=column))
    assert [one.name for one in data.schema.columns] == ["text"]
    split = make_split(data)
    for part in ("train", "validation", "test"):
        expected = SENTENCES["text"][MEANT[ROWS] == part]
        assert set(data.table.select_columns("text")[getattr(split, part)]["text"]) == set(expected)
    assert f"parts    by the column {column}   [--kind {column}=ignore]" in describe(data)


def test_parts_in_blocks_are_the_same_as_parts_that_are_mixed():
    mixed = with_parts()
    sorted_by_part = mixed.iloc[np.argsort(ROWS, kind="stable")]
    counts = [sorted(read(frame).table[PART]) for frame in (mixed, sorted_by_part)]
    assert counts[0] == counts[1]


def test_a_file(tmp_path):
    with_parts().to_csv(tmp_path / "data.csv", index=False)
    assert read(tmp_path / "data.csv").table[PART][0] == "train"


@pytest.mark.parametrize("kind", ["ignore", "category"])
def test_a_column_that_the_user_spoke_of_means_what_they_said(kind):
    data = read(with_parts(), kinds={"split": kind})
    assert set(data.table[PART]) == {""}
    assert ("split" in [one.name for one in data.schema.columns]) == (kind == "category")


def test_it_may_be_the_target():
    assert read(with_parts(), target="split", kinds={"label": "ignore"}).schema.target == ("split",)


OTHERS = (["train", "val", "other", "a"], ["val", "test"] * 2, ["train"] * 4, ["train", "", "", ""])


@pytest.mark.parametrize("names", OTHERS)
def test_other_words_are_no_parts(names):
    data = read(with_parts(np.array(names)))
    assert set(data.table[PART]) == {""}
