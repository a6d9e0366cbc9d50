"""What columns are taken for, what is left out, and how a user says otherwise."""

import numpy as np
import pandas as pd
import pytest

from upfit.data.describe import describe
from upfit.data.read import read
from upfit.data.texts import texts
from upfit.errors import DataError
from upfit.testing import docstring_sentences

SENTENCES = docstring_sentences(per_class=12)
N = len(SENTENCES)
RNG = np.random.default_rng(0)


def kind_of(cells, name="column"):
    """The kind that a column is given beside a text."""
    schema = read(SENTENCES.assign(**{name: cells})).schema
    return next((column.kind for column in schema.columns if column.name == name), "ignored")


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (RNG.normal(size=N), "number"),
        ([str(number) for number in RNG.integers(0, 999, N)], "number"),
        ([*["1e-3", "-.5", "NA", "+7"] * (N // 4)], "number"),
        (["red", "green", "blue"] * (N // 3), "category"),
        ([True, False] * (N // 2), "category"),
        (SENTENCES["text"][::-1].tolist(), "text"),
        ([None] * N, "ignored"),
        (["same"] * N, "ignored"),
        (list(range(100, 100 + N)), "ignored"),
        ([f"user_{number:05}" for number in range(N)], "ignored"),
        (pd.date_range("2024-01-01", periods=N), "ignored"),
        ([f"2024-01-{1 + number % 28:02}" for number in range(N)], "ignored"),
        ([[1, 2]] * N, "ignored"),
    ],
)
def test_kinds(cells, kind):
    assert kind_of(cells) == kind


def test_identifiers_by_name():
    assert kind_of(RNG.permutation(N), "id") == "ignored"
    assert kind_of(RNG.permutation(N), "user_id") == "ignored"
    assert kind_of(RNG.permutation(N) / 2, "paid") == "number"


def test_kinds_can_be_overridden():
    frame = SENTENCES.assign(zip=RNG.integers(100, 999, N), size=RNG.normal(size=N))
    schema = read(frame, kinds={"zip": "category", "size": "ignore"}).schema
    assert schema.of_kind("category") == ("zip",)
    assert schema.ignored == ("size",)
    with pytest.raises(DataError, match="cannot be of kind 'txt'"):
        read(frame, kinds={"zip": "txt"})
    with pytest.raises(DataError, match="there is no column 'zap'") as caught:
        read(frame, kinds={"zap": "text"})
    assert "--kind zip" in str(caught.value)


def test_group_and_time_are_no_inputs():
    frame = SENTENCES.assign(user=["ann", "bob"] * (N // 2), day=pd.date_range("2024-01-01", periods=N))
    schema = read(frame, group="user", time="day").schema
    assert schema.group == "user"
    assert schema.time == "day"
    assert [column.name for column in schema.columns] == ["text"]
    with pytest.raises(DataError, match="--group: there is no column 'usr'"):
        read(frame, group="usr")
    with pytest.raises(DataError, match="--time: 'label' is the target"):
        read(frame, time="label")


@pytest.mark.parametrize(
    "cells",
    [
        [f"2024-02-{1 + number % 28:02}" for number in range(N)],
        [f"2024-02-{1 + number % 28:02}T10:00:00+01:00" for number in range(N)],
        [1 + number % 28 for number in range(N)],
        pd.to_datetime([f"2024-02-{1 + number % 28:02}" for number in range(N)]),
    ],
)
def test_times_sort(cells):
    data = read(SENTENCES.assign(day=cells), time="day")
    times = np.array(data.table["day"])
    assert (np.argsort(times, kind="stable") == np.argsort(np.arange(N) % 28, kind="stable")).all()


def test_missing_times():
    cells = [f"2024-02-{1 + number % 28:02}" for number in range(N)]
    cells[3] = "unknown"
    data = read(SENTENCES.assign(day=cells), time="day")
    assert len(data) == N - 1
    assert [one.kind for one in data.findings] == ["missing_time"]
    with pytest.raises(DataError, match="holds no times"):
        read(SENTENCES.assign(day=["unknown"] * N), time="day")


def test_only_the_target():
    with pytest.raises(DataError, match="no column can serve as input"):
        read(SENTENCES[["label"]])
    with pytest.raises(DataError, match="no column can serve as input") as caught:
        read(SENTENCES[["label"]].assign(id=range(N)))
    assert "left out: id" in str(caught.value)


def test_a_reserved_name():
    with pytest.raises(DataError, match="a name that upfit uses itself"):
        read(SENTENCES.assign(__part__="train"))


def test_texts_are_rendered():
    frame = SENTENCES.assign(colour=["red", None, "blue"] * (N // 3), size=[1.0, 2.5, np.nan] * (N // 3))
    rows = texts(read(frame[["colour", "size", "text", "label"]]), np.array([2, 1, 0]))
    assert [row[1:] for row in rows] == [("colour: blue", ""), ("", "size: 2.5"), ("colour: red", "size: 1")]
    assert rows[0][0] == SENTENCES["text"][2]


def test_describe(tmp_path):
    test = SENTENCES.assign(label="torch", id=range(N), user="ann")
    data = read(parts={"train": test.assign(label=SENTENCES["label"]), "test": test}, group="user")
    assert describe(data).splitlines()[1:] == [
        "inputs   text (text)   [--kind COLUMN=KIND]",
        "target   label   [--target COLUMN]",
        "task     multiclass: numpy 12, pandas 12, scikit-learn 12, scipy 12, torch 12   [--task TASK]",
        "ignored  id   [--kind COLUMN=KIND]",
        "group    user   [--group COLUMN]",
    ]
    assert "(train 60, test 60)" in describe(data)


def test_shared_sets(shared_data):
    """What each of the shared sets is taken for."""
    expected = {
        "hwu64": (None, "multiclass", 64, "text"),
        "sms_spam_imbalanced": (None, "binary", 2, "text"),
        "complex_lcp": ("complexity", "regression", 0, "text"),
        "yoruba_topic_realnoise": (None, "multiclass", 7, "text"),
        "adult": ("income", "binary", 2, "table"),
        "ikea_price_mixed": ("price", "regression", 0, "text"),
        "omniglot136": (None, "multiclass", 136, "image"),
    }
    for name, (target, task, classes, modality) in expected.items():
        schema = read(shared_data / name, target=target).schema
        assert (schema.task, len(schema.classes), schema.modality) == (task, classes, modality), name


def test_columns_with_another_use_are_named_where_no_input_is_left():
    frame = pd.DataFrame({"when": range(20), "who": ["a", "b"] * 10, "label": ["x", "y"] * 10})
    with pytest.raises(DataError, match="no column can serve as input") as caught:
        read(frame, time="when", group="who")
    assert "got:      the target: label; --group: who; --time: when" in str(caught.value)
