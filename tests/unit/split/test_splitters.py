"""What every splitter promises, on tables that hypothesis makes up."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from upfit.data.content import content_keys
from upfit.data.read import read
from upfit.data.targets import targets
from upfit.errors import DataError
from upfit.split.grouped import grouped
from upfit.split.kfold import k_folds
from upfit.split.make import SPLITTERS
from upfit.split.stratified import stratified
from upfit.split.time_ordered import time_ordered

WEIGHTS = [(0.8, 0.1, 0.1), (0.63, 0.07, 0.3), (0.5, 0.25, 0.25), (0.9, 0.1, 0.0)]
NAMES = {splitter.__name__: splitter for splitter in SPLITTERS}
SMALL = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@st.composite
def tables(draw):
    """(splitter, data): rows with repeated texts, groups, times, and a target that suits the splitter."""
    splitter = draw(st.sampled_from(SPLITTERS))
    count = draw(st.integers(30, 160))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    distinct = draw(st.sampled_from([count, count * 2, max(count // 2, 12)]))
    frame = pd.DataFrame(
        {"text": [f"sentence number {one} of several" for one in rng.integers(0, distinct, count)]}
    )
    frame["group"] = [f"g{one}" for one in rng.integers(0, draw(st.integers(12, 40)), count)]
    if splitter is grouped:  # duplicates across groups would join most of them
        frame["text"] = frame["group"] + " says " + frame["text"]
    frame["time"] = rng.integers(0, draw(st.sampled_from([30, 10_000])), count)
    task = (
        "multilabel"
        if splitter.__name__ == "iterative"
        else draw(st.sampled_from(["multiclass", "regression"]))
    )
    if task == "multilabel":
        chances = np.array([0.5, 0.3, 0.1, 0.05])
        frame["label"] = [[name for name, yes in zip("abcd", rng.random(4) < chances, strict=True) if yes]
                          for _ in range(count)]  # fmt: skip
        frame.at[0, "label"], frame.at[1, "label"] = ["a"], ["b"]
    elif task == "multiclass":
        frame["label"] = rng.choice(list("aaaaabbbc"), count)
        frame.loc[:1, "label"] = ["a", "b"]
    else:
        frame["label"] = rng.normal(size=count)
    data = read(
        frame,
        task=task,
        kinds={"text": "text", "group": "ignore", "time": "ignore"},
        group="group" if splitter.__name__ == "grouped" else None,
        time="time" if splitter.__name__ == "time_ordered" else None,
    )
    return splitter, data


@SMALL
@given(table=tables(), weights=st.sampled_from(WEIGHTS), seed=st.integers(0, 3))
def test_promises(table, weights, seed):
    splitter, data = table
    rows = np.arange(len(data))
    if splitter is time_ordered and crowded(data):
        return
    parts = splitter(data, rows, weights, seed=seed)
    assert (np.sort(np.concatenate(parts)) == rows).all(), "disjoint and complete"
    for part, weight in zip(parts, weights, strict=True):
        assert (np.diff(part) > 0).all(), "sorted"
        assert (len(part) > 0) == (weight > 0)
    again = splitter(data, rows, weights, seed=seed)
    assert all((one == two).all() for one, two in zip(parts, again, strict=True)), "deterministic"
    assert_never_straddles(content_keys(data), parts)
    if data.schema.group:
        assert_never_straddles(np.array(data.table["group"]), parts)
    assert_ratio(data, parts, weights)


def crowded(data):
    """Whether some moment has so many rows that a part may stay empty, which is an error of its own."""
    return max(Counter(data.table["time"]).values()) > len(data) * 0.05


def assert_never_straddles(keys, parts):
    sides = [set(keys[part].tolist()) for part in parts]
    for left, right in [(0, 1), (0, 2), (1, 2)]:
        assert not sides[left] & sides[right]


def assert_ratio(data, parts, weights):
    """Sizes are right within the largest unit, a row of slack per class for coverage, and ties of time."""
    largest = max(Counter(content_keys(data).tolist()).values())
    if data.schema.group:
        largest = len(data) // 4 + largest
    if data.schema.time:
        largest += max(Counter(data.table["time"]).values()) + len(data) // 10
    slack = largest + len(data.schema.classes) + 1
    for part, weight in zip(parts, weights, strict=True):
        assert abs(len(part) - weight * len(data)) <= slack


@pytest.mark.parametrize("name", NAMES)
def test_a_subset_of_rows(name):
    frame = pd.DataFrame(
        {
            "text": [f"sentence number {row} of many" for row in range(90)],
            "label": [list("ab")[row % 2] for row in range(90)],
            "user": [f"u{row // 3}" for row in range(90)],
            "day": range(90),
        }
    )
    data = read(frame, group="user" if name == "grouped" else None, time="day")
    rows = np.arange(10, 70)
    parts = NAMES[name](data, rows, (0.8, 0.1, 0.1), seed=0)
    assert (np.sort(np.concatenate(parts)) == rows).all()


def class_table(counts):
    labels = [name for name, count in counts.items() for _ in range(count)]
    texts = [f"sentence number {row} of many" for row in range(len(labels))]
    return read(pd.DataFrame({"text": texts, "label": labels}))


@given(sizes=st.lists(st.integers(1, 60), min_size=2, max_size=12), seed=st.integers(0, 3))
@SMALL
def test_classes_keep_their_shares_and_tiny_ones_are_everywhere(sizes, seed):
    if max(sizes) < 2 or sum(sizes) < 12:
        return
    data = class_table({f"c{place}": size for place, size in enumerate(sizes)})
    parts = stratified(data, np.arange(len(data)), (0.8, 0.1, 0.1), seed=seed)
    found = targets(data, np.arange(len(data)))
    for code, name in enumerate(data.schema.classes):
        size = sizes[int(name[1:])]
        in_parts = [int((found[part] == code).sum()) for part in parts]
        assert in_parts[0] >= 1, "every class is in train"
        if size >= 3:
            assert min(in_parts) >= 1
        if size >= 30:
            assert all(
                abs(got - size * weight) <= 1 for got, weight in zip(in_parts, (0.8, 0.1, 0.1), strict=True)
            )


def test_the_ratio_holds_to_the_row():
    data = class_table({f"c{place}": 37 + place for place in range(20)})
    parts = stratified(data, np.arange(len(data)), (0.8, 0.1, 0.1), seed=0)
    assert [
        abs(len(part) - len(data) * weight) < 2 for part, weight in zip(parts, (0.8, 0.1, 0.1), strict=True)
    ]


def test_few_shots_reach_every_part():
    data = class_table({f"c{place}": 5 for place in range(30)})
    train, validation, test = stratified(data, np.arange(len(data)), (0.8, 0.1, 0.1), seed=0)
    found = targets(data, np.arange(len(data)))
    assert all(set(found[part]) == set(range(30)) for part in (train, validation, test))


def test_regression_keeps_its_shape():
    values = np.random.default_rng(0).lognormal(size=1000)
    frame = pd.DataFrame({"text": [f"sentence number {row} of many" for row in range(1000)], "label": values})
    parts = stratified(read(frame), np.arange(1000), (0.8, 0.1, 0.1), seed=0)
    for part in parts:
        for quantile in (0.25, 0.5, 0.75):
            assert abs((values[part] < np.quantile(values, quantile)).mean() - quantile) < 0.03


def test_rare_labels_are_spread():
    rng = np.random.default_rng(0)
    flags = rng.random((1000, 6)) < [0.6, 0.3, 0.2, 0.1, 0.03, 0.01]
    frame = pd.DataFrame(flags.astype(int), columns=[f"label_{place}" for place in range(6)])
    frame.insert(0, "text", [f"sentence number {row} of many" for row in range(1000)])
    data = read(frame, target=[f"label_{place}" for place in range(6)])
    parts = NAMES["iterative"](data, np.arange(1000), (0.8, 0.1, 0.1), seed=0)
    totals = flags.sum(axis=0)
    for part, weight in zip(parts, (0.8, 0.1, 0.1), strict=True):
        assert np.abs(flags[part].sum(axis=0) - totals * weight).max() <= 3
        assert abs(len(part) - 1000 * weight) <= 2


def test_groups_of_unequal_size_still_reach_every_part():
    sizes = [200, 120, 60, 30, 20, 10, 5, 3, 2]
    users = [f"u{place}" for place, size in enumerate(sizes) for _ in range(size)]
    labels = np.random.default_rng(0).choice(["a", "b"], len(users))
    texts = [f"sentence number {row} of many" for row in range(len(users))]
    data = read(pd.DataFrame({"text": texts, "label": labels, "user": users}), group="user")
    parts = grouped(data, np.arange(len(users)), (0.8, 0.1, 0.1), seed=0)
    assert [
        abs(len(part) / len(users) - weight) < 0.06
        for part, weight in zip(parts, (0.8, 0.1, 0.1), strict=True)
    ]


def test_a_missing_group_binds_nothing():
    frame = pd.DataFrame(
        {
            "text": [f"sentence number {row} of many" for row in range(40)],
            "label": list("ab") * 20,
            "user": ["ann"] * 4 + [None] * 36,
        }
    )
    parts = grouped(read(frame, group="user"), np.arange(40), (0.8, 0.1, 0.1), seed=0)
    assert [len(part) for part in parts] == [32, 4, 4]


def test_time_runs_forward():
    days = np.random.default_rng(0).permutation(200)
    frame = pd.DataFrame(
        {"text": [f"sentence number {day} of many" for day in days], "label": list("ab") * 100, "day": days}
    )
    train, validation, test = time_ordered(read(frame, time="day"), np.arange(200), (0.8, 0.1, 0.1), seed=0)
    assert days[train].max() < days[validation].min()
    assert days[validation].max() < days[test].min()
    assert (len(train), len(validation), len(test)) == (160, 20, 20)


def test_one_moment_cannot_be_divided():
    frame = pd.DataFrame(
        {
            "text": [f"sentence number {row} of many" for row in range(20)],
            "label": list("ab") * 10,
            "day": [5] * 20,
        }
    )
    with pytest.raises(DataError, match="share one moment"):
        time_ordered(read(frame, time="day"), np.arange(20), (0.8, 0.1, 0.1), seed=0)


def test_one_distinct_row_cannot_be_divided():
    data = read(pd.DataFrame({"text": ["same"] * 10, "label": list("ab") * 5}), kinds={"text": "text"})
    with pytest.raises(DataError, match="3 parts need at least 3 distinct inputs") as caught:
        stratified(data, np.arange(10), (0.8, 0.1, 0.1), seed=0)
    assert "the 10 rows have 1" in str(caught.value)


@SMALL
@given(table=tables(), k=st.integers(2, 6), seed=st.integers(0, 3))
def test_folds(table, k, seed):
    _, data = table
    rows = np.arange(len(data))[::2]
    folds = k_folds(data, rows, k=k, seed=seed)
    assert len(folds) == k
    assert (np.sort(np.concatenate([fold for _, fold in folds])) == rows).all()
    keys = content_keys(data)
    for train, fold in folds:
        assert (np.sort(np.concatenate([train, fold])) == rows).all()
        assert not set(keys[train].tolist()) & set(keys[fold].tolist())


def test_folds_are_stratified():
    data = class_table({"a": 50, "b": 25, "c": 5})
    found = targets(data, np.arange(80))
    for _, fold in k_folds(data, np.arange(80), k=5, seed=0):
        assert np.bincount(found[fold]).tolist() == [10, 5, 1]


def test_too_many_folds():
    data = class_table({"a": 3, "b": 3})
    with pytest.raises(DataError, match="7 parts need at least 7 distinct inputs"):
        k_folds(data, np.arange(6), k=7, seed=0)
    with pytest.raises(DataError, match="1 folds"):
        k_folds(data, np.arange(6), k=1, seed=0)
