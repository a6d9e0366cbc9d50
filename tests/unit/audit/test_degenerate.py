"""Checks on data that hold nothing but copies, or copies that disagree: none falls over."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.datasets import load_breast_cancer, load_sample_images

import upfit
from upfit.audit.columns import columns
from upfit.audit.conflicts import conflicts
from upfit.audit.near_duplicates import near_duplicates
from upfit.audit.outliers import oddness, outliers
from upfit.audit.thin_pairs import thin_pairs


@pytest.fixture(scope="module")
def crops():
    """Forty crops of each of two photographs."""
    rng = np.random.default_rng(0)
    images, labels = [], []
    for label, photo in zip(("temple", "flower"), load_sample_images().images, strict=True):
        for _ in range(40):
            y, x = rng.integers(0, photo.shape[0] - 96), rng.integers(0, photo.shape[1] - 96)
            images.append(Image.fromarray(photo[y : y + 96, x : x + 96]))
            labels.append(label)
    return pd.DataFrame({"image": images, "label": labels})


def fields_of(frame):
    """The average colours of sixteen fields of each picture, as its features."""
    return np.array([np.asarray(one.resize((4, 4))).ravel() for one in frame["image"]], np.float32)


def test_an_audit_of_nothing_but_copies_ends():
    texts = ["Return the mean of an array.", "Sort the values of a table."]
    frame = pd.DataFrame({"text": texts * 60, "label": ["a", "b"] * 60})
    kinds = {one.kind for one in upfit.audit(frame).findings}
    assert "exact_duplicates" in kinds
    assert "outliers" not in kinds


def test_copies_are_not_odd_and_two_directions_are_enough():
    copies = np.ones((120, 8), np.float32)
    assert not oddness(copies + np.float32(1e-6), np.zeros(120, np.int64)).any()
    two = np.zeros((120, 8), np.float32)
    two[::2, 0], two[1::2, 0] = 1, -1
    found = oddness(two, np.zeros(120, np.int64))
    assert np.isfinite(found).all()
    assert np.ptp(found) < 1e-3


def test_copies_with_two_labels_are_not_dropped_unseen(crops, subject_of):
    """One of them is mislabelled, and no program knows which: the plan leaves it to a person."""
    pasted = crops.iloc[[3, 5, 50]].copy()
    pasted["image"] = [one.crop((1, 1, 95, 95)).resize((96, 96)) for one in pasted["image"]]
    pasted["label"] = ["temple", "flower", "flower"]
    frame = pd.concat([crops, pasted], ignore_index=True)
    (found,) = near_duplicates(subject_of(frame, fields_of(frame)))
    assert {80, 81, 82} <= set(found.rows)
    same, apart = found.actions
    assert not same.doubtful
    assert {80, 82} <= set(same.rows)
    assert apart.doubtful
    assert apart.rows == (81,)
    assert "1 pair has different labels" in found.message


def test_many_pictures_that_are_alike_are_looked_at_first(crops, subject_of):
    """One copy in twenty or more may well be how these pictures are."""
    few, many = crops.iloc[[3, 5]], crops.iloc[:12]
    for copied, doubtful in ((few, False), (many, True)):
        moved = [one.crop((1, 1, 95, 95)).resize((96, 96)) for one in copied["image"]]
        frame = pd.concat([crops, copied.assign(image=moved)], ignore_index=True)
        (found,) = near_duplicates(subject_of(frame, fields_of(frame)))
        assert [one.doubtful for one in found.actions] == [doubtful]


def test_conflicts_name_the_rows_on_both_sides(sentences_frame, subject_of):
    frame = pd.concat([sentences_frame, sentences_frame.iloc[[4]]], ignore_index=True)
    other = next(one for one in frame["label"].unique() if one != frame["label"][4])
    frame.loc[len(frame) - 1, "label"] = other
    (found,) = conflicts(subject_of(frame))
    assert found.examples[0].startswith("row 4: ")
    assert found.examples[0].endswith(f"→ {frame['label'][4]}; {other} (row {len(frame) - 1})")


def test_outliers_without_classes_have_no_label_beside_them(sentences_frame, subject_of):
    rng = np.random.default_rng(0)
    features = rng.normal(size=(len(sentences_frame), 8)).astype(np.float32)
    features[7] += 30
    frame = sentences_frame.assign(label=rng.normal(size=len(features)))
    (found,) = outliers(subject_of(frame, features))
    assert found.rows[0] == 7
    assert not any("(?)" in one for one in found.examples)


def test_numbers_that_tell_classes_of_a_table_are_no_gaps_in_it(subject_of):
    """Benign tumours are small: that is what there is to be learnt, not rows to be collected."""
    frame = load_breast_cancer(as_frame=True).frame
    assert not thin_pairs(subject_of(frame))


def test_columns_that_say_the_same_are_told_once_each(subject_of):
    """Compared with the first of their kind, not pair by pair: a table may have thousands of columns."""
    sizes = ["small", "small", "middle", "large", None, "middle"] * 40
    words = {"small": "S", "middle": "M", "large": "L", None: None}
    frame = pd.DataFrame({"size": sizes, "code": [words[one] for one in sizes]})
    frame = frame.assign(again=frame["code"].str.lower(), other=["a", "b", "c", "a", "b"] * 48)
    frame["price"] = np.random.default_rng(0).normal(size=len(frame))
    found = [one for one in columns(subject_of(frame, target="price")) if one.kind == "redundant_column"]
    assert [one.actions[0].column for one in found] == ["code", "again"]
    assert all(one.message.startswith("'size' and ") for one in found)
