"""Targets: found by name, understood by their cells, cleared of what cannot be learnt."""

import json

import numpy as np
import pandas as pd
import pytest

from upfit.data.read import read
from upfit.data.targets import targets
from upfit.errors import DataError
from upfit.testing import docstring_sentences

WORDS = docstring_sentences(task="regression", per_class=12)
TEXT = WORDS["text"].tolist()
N = len(TEXT)


def frame(**columns):
    return pd.DataFrame({"text": TEXT, **columns})


def finding(data, kind):
    return next(one for one in data.findings if one.kind == kind)


def cycle(*values):
    return [values[row % len(values)] for row in range(N)]


@pytest.mark.parametrize("name", ["label", "Target", "class", "y", "category", "sentiment", "labels"])
def test_by_name(name):
    data = read(frame(**{name: cycle("a", "b"), "other": cycle("c", "d", "e")}))
    assert data.schema.target == (name,)
    assert data.schema.task == "binary"


def test_by_elimination():
    assert read(frame(mood=cycle("good", "bad"))).schema.target == ("mood",)


def test_several_could_be():
    with pytest.raises(DataError, match=r"which column of .* is the target") as caught:
        read(frame(mood=cycle("good", "bad"), tone=cycle("high", "low")))
    assert "text, mood, tone" in str(caught.value)
    assert "--target tone" in str(caught.value)


def test_two_likely_names_are_not_guessed_between():
    with pytest.raises(DataError, match="is the target"):
        read(frame(category=cycle("a", "b"), price=cycle(1.5, 2.5, 9.25)))


def test_a_misspelt_target():
    with pytest.raises(DataError, match="no column 'modo'") as caught:
        read(frame(mood=cycle("good", "bad")), target="modo")
    assert "--target mood" in str(caught.value)


@pytest.mark.parametrize(
    ("cells", "task"),
    [
        (cycle("a", "b"), "binary"),
        (cycle("a", "b", "c"), "multiclass"),
        (cycle(0, 1), "binary"),
        (cycle(1.0, 2.0, 3.0), "multiclass"),
        (cycle(True, False), "binary"),
        (list(range(N)), "regression"),
        ([row / 7 for row in range(N)], "regression"),
        (cycle(10, 20, 30, 45), "regression"),
        (WORDS["words"].tolist(), "regression"),
    ],
)
def test_tasks(cells, task):
    assert read(frame(label=cells)).schema.task == task


def test_few_whole_numbers_among_many_rows_are_classes():
    rows = pd.DataFrame({"text": [f"{text} {copy}" for copy in range(10) for text in TEXT]})
    assert read(rows.assign(label=[10 * (row % 5) for row in range(len(rows))])).schema.task == "multiclass"


def test_numbers_are_sorted_as_numbers():
    data = read(frame(label=cycle(*range(1, 13))), task="multiclass")
    assert data.schema.classes == tuple(map(str, range(1, 13)))
    assert targets(data, np.arange(3)).tolist() == [0, 1, 2]
    assert targets(data, np.arange(3)).dtype == np.int64


def test_whole_floats_are_one_class_with_integers(tmp_path):
    pd.DataFrame({"text": TEXT, "label": cycle("1.0", "0", "1")}).to_csv(tmp_path / "a.csv", index=False)
    assert read(tmp_path / "a.csv").schema.classes == ("0", "1")


def test_regression_targets():
    data = read(frame(label=WORDS["words"].tolist()))
    assert targets(data, np.array([2, 0])).tolist() == [WORDS["words"][2], WORDS["words"][0]]
    assert targets(data, np.array([0])).dtype == np.float32
    assert data.schema.classes == ()


def test_lists(tmp_path):
    lists = cycle(["b", "a"], [], ["c"])
    records = [json.dumps({"text": text, "tags": tags}) for text, tags in zip(TEXT, lists, strict=True)]
    (tmp_path / "a.jsonl").write_text("\n".join(records))
    frame(tags=lists).to_parquet(tmp_path / "a.parquet")
    for data in (read(tmp_path / "a.jsonl"), read(tmp_path / "a.parquet"), read(frame(tags=lists))):
        assert data.schema.task == "multilabel"
        assert data.schema.classes == ("a", "b", "c")
        found = targets(data, np.arange(3))
        assert found.dtype == np.float32
        assert found.tolist() == [[1, 1, 0], [0, 0, 0], [0, 0, 1]]


def test_delimited_labels_when_asked():
    data = read(frame(label=cycle("b|a", "c", "a")), task="multilabel")
    assert targets(data, np.arange(3)).tolist() == [[1, 1, 0], [0, 0, 1], [1, 0, 0]]
    assert read(frame(label=cycle("b|a", "c", "a"))).schema.task == "multiclass"


@pytest.mark.parametrize("asked", ["toxic,rude", ["toxic", "rude"]])
def test_several_columns(asked):
    data = read(frame(toxic=cycle(1, 0), rude=cycle("0", "1", "1")), target=asked)
    assert data.schema.task == "multilabel"
    assert data.schema.classes == ("toxic", "rude")
    assert targets(data, np.arange(3)).tolist() == [[1, 0], [0, 1], [1, 1]]
    with pytest.raises(DataError, match="'odd' is not 0 or 1"):
        read(frame(toxic=cycle(1, 0), odd=cycle("0", "2")), target="toxic,odd")


def test_all_missing():
    with pytest.raises(DataError, match="'label' is missing in every row"):
        read(frame(label=[None] * N))
    with pytest.raises(DataError, match="'label' is missing in every row"):
        read(frame(label=["NA"] * N))


def test_some_missing():
    data = read(frame(label=cycle("a", "b", None, "nan", "")))
    assert len(data) == N - 3 * (N // 5)
    assert finding(data, "missing_target").evidence == {"rows": 3.0 * (N // 5)}
    assert finding(data, "missing_target").examples[0] == "row 2"


@pytest.mark.parametrize("wrong", [float("inf"), float("-inf"), "inf", "no number"])
def test_targets_that_are_no_finite_number(tmp_path, wrong):
    cells = [row / 7 for row in range(N)]
    cells[1], cells[4] = float("nan"), wrong
    frame(label=cells).to_csv(tmp_path / "a.csv", index=False)
    data = read(tmp_path / "a.csv")
    assert data.schema.task == "regression"
    assert len(data) == N - 2
    assert finding(data, "invalid_target").evidence == {"rows": 1.0}
    assert np.isfinite(targets(data, np.arange(len(data)))).all()


def test_no_finite_number_at_all():
    with pytest.raises(DataError, match="has no finite number"):
        read(frame(label=[float("inf")] * N), task="regression")
    with pytest.raises(DataError, match="has no finite number"):
        read(frame(label=cycle("a", "b")), task="regression")


def test_one_class_one_value():
    with pytest.raises(DataError, match="one class only"):
        read(frame(label=["a"] * N))
    with pytest.raises(DataError, match=r"the target is 3\.5 in every row"):
        read(frame(label=[3.5] * N), task="regression")


def test_every_row_its_own_class():
    with pytest.raises(DataError, match="a different value in each of its"):
        read(frame(label=[f"a{row}b" for row in range(N)]))


def test_binary_of_three():
    with pytest.raises(DataError, match="binary has two classes") as caught:
        read(frame(label=cycle("a", "b", "c")), task="binary")
    assert "3: a, b, c" in str(caught.value)


def test_unseen_in_validation():
    more = frame(label=cycle("a", "z", "b"))
    data = read(parts={"train": frame(label=cycle("a", "b")), "validation": more, "test": more})
    found = [one for one in data.findings if one.kind == "unseen_class"]
    assert [one.evidence for one in found] == [{"rows": N / 3, "classes": 1.0}] * 2
    assert "train has no example of their class (z)" in found[0].message
    assert data.schema.classes == ("a", "b")
    targets(data, np.arange(len(data)))


def test_class_names_of_all_sorts():
    names = ["a/b", "<script>alert(1)</script>", "😀", "中文", "x" * 300, "None", "=1+1", "a|b", "\\n"]
    data = read(frame(label=cycle(*names)))
    assert set(data.schema.classes) == set(names)
    assert (targets(data, np.arange(N)) == [data.schema.classes.index(name) for name in cycle(*names)]).all()


def test_joined_labels_are_taken_apart_and_it_is_said():
    data = read(frame(label=cycle("war;love", "love", "love; crime", "crime", "war;crime")))
    assert data.schema.task == "multilabel"
    assert data.schema.classes == ("crime", "love", "war")
    assert "joined by ';'" in finding(data, "joined_labels").message
    kept = read(frame(label=cycle("war;love", "love", "love; crime")), task="multiclass")
    assert kept.schema.task == "multiclass"
    assert "war;love" in kept.schema.classes


def test_lists_of_a_file_are_not_said_to_be_joined(tmp_path):
    labels = cycle(["digit", "long"], ["digit", "short"], ["word", "long"], ["word", "short"])
    lines = [json.dumps({"text": f"row {row}", "label": label}) for row, label in enumerate(labels)]
    (tmp_path / "lists.jsonl").write_text("\n".join(lines), encoding="utf-8")
    data = read(tmp_path / "lists.jsonl")
    assert data.schema.classes == ("digit", "long", "short", "word")
    assert "joined_labels" not in [one.kind for one in data.findings]


def test_labels_are_cut_at_the_mark_that_is_said():
    """A stray bar in one cell of many does not decide where all the others are cut."""
    joined = [*cycle("war;love", "love", "love; crime", "crime", "war;crime")]
    data = read(frame(label=[*joined[:-1], "war|love"]))
    assert "joined by ';'" in finding(data, "joined_labels").message
    assert set(data.schema.classes) == {"crime", "love", "war", "war|love"}


@pytest.mark.parametrize(
    "names",
    [
        ("sideboards, buffets & tables", "chairs", "cots"),  # a class whose name holds a comma
        ("animal;cat", "animal;dog", "plant;tree"),  # a class below a class
        ("1,200", "3,400", "5,600"),
        ("yes", "no", "no; really"),
    ],
)
def test_marks_within_a_class_join_nothing(names):
    assert read(frame(label=cycle(*names)), target="label").schema.task in ("multiclass", "binary")
