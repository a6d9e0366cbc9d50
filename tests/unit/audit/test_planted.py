"""Each check finds the fault that was planted in clean real data, and (nearly) nothing in the clean data."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageFilter

from upfit.audit.balance import balance
from upfit.audit.columns import columns
from upfit.audit.conflicts import conflicts
from upfit.audit.duplicates import duplicates
from upfit.audit.giveaways import giveaways
from upfit.audit.image_quality import image_quality
from upfit.audit.label_errors import label_errors
from upfit.audit.label_names import label_names
from upfit.audit.leaks import leaks
from upfit.audit.marks import marks
from upfit.audit.missing import missing
from upfit.audit.near_duplicates import near_duplicates, pairs_of
from upfit.audit.outliers import outliers
from upfit.audit.ranges import ranges
from upfit.audit.shift import shift
from upfit.audit.subject import Subject
from upfit.audit.thin_pairs import thin_pairs
from upfit.data.read import read


def test_flipped_labels_are_found(digits_frame, subject_of, named_rows):
    pytest.importorskip("cleanlab")
    frame, pixels = digits_frame
    rng = np.random.default_rng(0)
    rows = rng.choice(len(frame), len(frame) // 20, replace=False)
    wrong = frame.copy()
    labels = wrong["label"].to_numpy().astype(int)
    labels[rows] = (labels[rows] + rng.integers(1, 10, len(rows))) % 10
    wrong["label"] = labels.astype(str)
    found = label_errors(subject_of(wrong, pixels))
    flagged = named_rows(found)
    hits = len(flagged & set(rows.tolist()))
    assert hits / len(rows) >= 0.9
    assert hits / len(flagged) >= 0.9
    true = dict(enumerate(frame["label"]))
    relabels = [action for one in found for action in one.actions]
    proposed = {row: to for one in relabels for row, to in zip(one.rows, one.to, strict=True)}
    assert np.mean([proposed[row] == true[row] for row in flagged & set(rows.tolist())]) >= 0.9


def test_what_is_wrong_with_a_label_is_told_however_long_it_is(digits_frame, subject_of):
    pytest.importorskip("cleanlab")
    frame, pixels = digits_frame
    wrong = frame.replace({"label": {"1": "L" * 10_000}})
    wrong.loc[wrong.index[wrong["label"] == "7"][:5], "label"] = "L" * 10_000
    told = [example for one in label_errors(subject_of(wrong, pixels)) for example in one.examples]
    assert any(example.endswith("LL…, rather 7") for example in told)
    assert max(map(len, told)) < 400


def test_features_that_say_little_accuse_nobody(digits_frame, subject_of, named_rows):
    pytest.importorskip("cleanlab")
    frame, pixels = digits_frame
    blurred = pixels + np.random.default_rng(0).normal(0, 20, pixels.shape)
    found = label_errors(subject_of(frame, blurred))
    assert len(named_rows(found)) <= 0.05 * len(frame)
    assert not [one for one in found if one.severity == "error"]


def test_clean_labels_are_left_alone(digits_frame, subject_of, named_rows):
    pytest.importorskip("cleanlab")
    frame, pixels = digits_frame
    severe = [one for one in label_errors(subject_of(frame, pixels)) if one.severity == "error"]
    assert len(named_rows(severe)) <= 0.02 * len(frame)


def test_test_labels_stay_sealed(sentences_frame, subject_of, monkeypatch):
    train, test = sentences_frame[:180], sentences_frame[180:]
    subject = subject_of(parts={"train": train, "test": test})
    read_rows = []
    monkeypatch.setattr(
        sys.modules["upfit.audit.subject"],
        "targets",
        lambda data, rows: read_rows.append(rows) or np.zeros(len(rows), np.int64),
    )
    assert len(subject.labels) == 180
    assert max(read_rows[0]) < 180


def test_exact_copies_leaks_and_conflicts(sentences_frame, subject_of, named_rows):
    train, test = sentences_frame[:200], sentences_frame[200:]
    clean = subject_of(parts={"train": train, "test": test})
    assert not (*duplicates(clean), *leaks(clean), *conflicts(clean))
    turned = train.iloc[10:12].assign(
        label=["torch" if one == "pandas" else "pandas" for one in train["label"][10:12]]
    )
    dirty = pd.concat([train, train.iloc[:5], test.iloc[:7], turned], ignore_index=True)
    subject = subject_of(parts={"train": dirty, "test": test})
    assert named_rows(duplicates(subject)) == set(range(200, 205))
    assert named_rows(leaks(subject)) == set(range(len(dirty), len(dirty) + 7))
    assert named_rows(conflicts(subject)) == {10, 11, 212, 213}
    assert leaks(subject)[0].severity == "error"


def test_copies_with_another_target_are_no_copies(sentences_frame, subject_of, named_rows):
    priced = sentences_frame[:60].assign(label=np.linspace(1, 9, 60))
    again = priced.iloc[:4].assign(label=[priced["label"][0], priced["label"][1], 77.5, 88.5])
    subject = subject_of(pd.concat([priced, again], ignore_index=True), task="regression")
    assert named_rows(duplicates(subject)) == {60, 61}


def test_edited_texts_are_near_duplicates(sentences_frame, subject_of, named_rows):
    long = sentences_frame[sentences_frame["text"].str.len() > 60].reset_index(drop=True)
    copies = long.iloc[:12].assign(
        text=[text.replace(" the ", " a ", 1) + " Really." for text in long["text"][:12]]
    )
    clean = named_rows(near_duplicates(subject_of(long)))
    found = near_duplicates(subject_of(pd.concat([long, copies], ignore_index=True)))
    planted = set(range(len(long), len(long) + 12))
    flagged = named_rows(found, "near_duplicates")
    assert len(flagged & planted) >= 11
    assert flagged - planted <= clean


def test_the_same_sentence_with_another_word_asked_is_another_row(sentences_frame, subject_of):
    long = sentences_frame[sentences_frame["text"].str.len() > 60].reset_index(drop=True)
    words = ["encoding"] * len(long) + ["sampling"] * len(long)
    frame = pd.concat([long, long], ignore_index=True)
    pairs = pairs_of(subject_of(frame.assign(word=words), kinds={"word": "text"}))
    assert len(pairs)
    assert {words[a] == words[b] for a, b in pairs} == {True}


def test_near_duplicates_across_parts_leak(sentences_frame, subject_of, named_rows):
    train, test = sentences_frame[:200], sentences_frame[200:].reset_index(drop=True)
    copied = train.iloc[:6].assign(text=train["text"][:6] + " Yes.")
    subject = subject_of(parts={"train": train, "test": pd.concat([test, copied], ignore_index=True)})
    found = named_rows(near_duplicates(subject), "near_leakage")
    assert len(found & set(range(240, 246))) >= 5


def test_names_written_in_several_ways(sentences_frame, subject_of):
    frame = sentences_frame.copy()
    frame.loc[:9, "label"] = [label.title() for label in frame["label"][:10]]
    found = label_names(subject_of(frame))
    assert {one.severity for one in found} == {"error"}
    merged = {value: one.actions[0].to for one in found for value in one.actions[0].values}
    assert merged == {"Pandas": "pandas", "Torch": "torch"}
    assert not label_names(subject_of(sentences_frame))


def test_signs_with_a_meaning_are_no_spelling(subject_of):
    frame = pd.DataFrame(
        {"text": [f"some words about number {k}" for k in range(40)], "label": ["<=50K", ">50K"] * 20}
    )
    assert not label_names(subject_of(frame))


def test_skew_and_small_classes(sentences_frame, subject_of):
    pandas_rows = sentences_frame[sentences_frame["label"] == "pandas"]
    torch_rows = sentences_frame[sentences_frame["label"] == "torch"][:6]
    kinds = {one.kind for one in balance(subject_of(pd.concat([pandas_rows, torch_rows], ignore_index=True)))}
    assert kinds == {"class_skew", "too_few_per_class"}
    assert not balance(subject_of(sentences_frame))


def test_images_that_show_nothing(digits_frame, subject_of, named_rows):
    frame = digits_frame[0][:300].copy()
    assert not named_rows(image_quality(subject_of(frame)))
    frame.at[3, "image"] = Image.new("L", (32, 32), 90)
    frame.at[5, "image"] = frame.at[5, "image"].point(lambda value: value // 40)
    frame.at[7, "image"] = frame.at[7, "image"].resize((256, 256)).filter(ImageFilter.GaussianBlur(28))
    found = {one.kind: set(one.rows) for one in image_quality(subject_of(frame))}
    assert found["blank_images"] == {3}
    assert 5 in found["dark_images"]


def test_strangers_are_outliers(digits_frame, subject_of, named_rows):
    frame, pixels = digits_frame
    rng = np.random.default_rng(0)
    strange = rng.permuted(pixels[:30], axis=1)
    dirty = pd.concat([frame, frame.iloc[:30]], ignore_index=True)
    found = named_rows(outliers(subject_of(dirty, np.concatenate([pixels, strange]))))
    planted = set(range(len(frame), len(dirty)))
    assert len(found & planted) >= 24
    assert len(found - planted) <= 0.01 * len(frame)


@pytest.fixture
def numbers():
    """A table of wine measurements with its three classes."""
    from sklearn.datasets import load_wine

    frame = load_wine(as_frame=True).frame
    return frame.assign(target=frame["target"].map(lambda k: f"kind {k}"))


def test_faults_of_columns(numbers, subject_of):
    clean = subject_of(numbers)
    assert not (*missing(clean), *columns(clean), *ranges(clean))
    dirty = numbers.assign(
        giveaway=numbers["target"].map({"kind 0": 1.5, "kind 1": 2.5, "kind 2": 7.5}),
        serial=np.random.default_rng(0).permutation(len(numbers)).astype(float),
    )
    dirty.loc[:30, "alcohol"] = np.nan
    dirty.loc[[60, 70, 80, 90], "magnesium"] = 9999
    dirty.loc[5, "hue"] = 4e6
    subject = subject_of(dirty, kinds={"serial": "number", "giveaway": "number"}, target="target")
    found = {
        one.kind: one for one in (*missing(subject), *columns(subject), *ranges(subject), *giveaways(subject))
    }
    assert "'alcohol'" in found["missing_values"].message
    assert "'serial'" in found["identifier"].message
    assert "'giveaway'" in found["target_leakage"].message
    odd = [one for one in ranges(subject) if one.kind == "out_of_range"]
    assert {one.rows for one in odd} == {(60, 70, 80, 90), (5,)}


def test_a_column_that_gives_forty_classes_away_is_told_from_one_that_tells_half(subject_of):
    rng = np.random.default_rng(0)
    # Half of the classes are large, the others rare: a look at some of the rows must not pass them over.
    classes = np.repeat(np.arange(40), np.where(np.arange(40) < 20, 120, 8))
    rng.shuffle(classes)
    half = np.where(classes % 2, classes, rng.integers(0, 40, len(classes)))
    columns_of = {
        "code": classes * 10.0 + rng.normal(0, 1, len(classes)),
        "half": half + rng.normal(0, 0.01, len(classes)),
        "noise": rng.standard_normal(len(classes)),
    }
    frame = pd.DataFrame(columns_of).assign(target=[f"kind {one}" for one in classes])
    (found,) = giveaways(subject_of(frame, target="target"))
    assert "'code'" in found.message


def test_a_few_numbers_below_nought_are_named_but_no_tails(numbers, subject_of):
    dirty = numbers.copy()
    dirty.loc[[11, 12, 13], "alcohol"] = -2.0
    (found,) = ranges(subject_of(dirty, target="target"))
    assert found.rows == (11, 12, 13)
    assert found.actions[0].values == ("-2",)
    shifted = numbers.assign(alcohol=numbers["alcohol"] - numbers["alcohol"].nsmallest(2).iloc[1] + 1e-3)
    assert (shifted["alcohol"] < 0).sum() == 1
    assert not ranges(subject_of(shifted, target="target"))


def test_gaps_of_one_text_among_several_are_told(sentences_frame, subject_of):
    frame = sentences_frame.assign(note=sentences_frame["text"].str.upper())
    assert not missing(subject_of(frame))
    frame.loc[:99, "note"] = None
    (found,) = missing(subject_of(frame))
    assert "'note' is missing in 42 %" in found.message


def test_a_frame_round_one_class_gives_it_away(digits_frame, subject_of):
    frame = digits_frame[0][:400].copy()
    assert not giveaways(subject_of(frame))
    for row in np.flatnonzero(frame["label"] == "3"):
        image = frame.at[row, "image"].copy()
        image.paste(255, (0, 0, 32, 3))
        frame.at[row, "image"] = image
    (found,) = giveaways(subject_of(frame))
    assert "'3'" in found.message


def test_shift_is_told_from_none(digits_frame, subject_of):
    frame, pixels = digits_frame
    # In the file the digits come writer by writer, which is a shift of its own.
    order = np.random.default_rng(0).permutation(len(frame))[:900]
    frame, pixels = frame.iloc[order].reset_index(drop=True), pixels[order]
    parts = {"train": frame[:600], "test": frame[600:]}
    assert not shift(subject_of(parts=parts, features=pixels))
    shifted = pixels.copy()
    shifted[600:] = shifted[600:] * 0.7
    (found,) = shift(subject_of(parts=parts, features=shifted))
    assert found.evidence["low"] > 0.7


def test_a_mark_within_the_pictures_of_a_class_gives_it_away(digits_frame, subject_of):
    frame = digits_frame[0][:500].copy()
    assert not marks(subject_of(frame))
    pairs = zip(frame["image"], frame["label"], strict=True)
    frame["image"] = [_stamped(image) if label == "3" else image for image, label in pairs]
    (found,) = marks(subject_of(frame))
    assert "'3'" in found.message
    assert found.evidence["classes"] == 1


def _stamped(image):
    image = image.convert("RGB")
    image.paste((255, 0, 255), (20, 24, 26, 28))
    return image


def test_equal_inputs_with_other_numbers(numbers, subject_of):
    frame = numbers.drop(columns="target").rename(columns={"proline": "price"})
    assert not conflicts(subject_of(frame, target="price"))
    double = frame.iloc[[3, 4]].assign(price=[frame["price"].max() * 2, frame["price"][4] + 1e-3])
    (found,) = conflicts(subject_of(pd.concat([frame, double], ignore_index=True), target="price"))
    assert found.rows == (3, len(frame))
    assert "1 input with more than one 'price'" in found.message


def test_columns_that_say_the_same(numbers, subject_of):
    names = {0: "nine", 1: "ten", 2: "eleven", 3: "twelve"}
    level = pd.Series(np.arange(len(numbers)) % 4)
    frame = numbers.assign(level=level.astype(float), name=level.map(names))
    (found,) = columns(subject_of(frame, target="target", kinds={"level": "number"}))
    assert found.kind == "redundant_column"
    frame.loc[17, "name"] = "nine"
    assert not columns(subject_of(frame, target="target", kinds={"level": "number"}))


def test_a_point_that_slipped_is_told(numbers, subject_of):
    """In a column that spans two powers of ten, a number a thousand times too large is no tail of it."""
    frame = numbers.copy()
    rng = np.random.default_rng(0)
    frame["area"] = np.round(np.exp(rng.normal(6, 0.7, len(frame))), 1)
    assert not [one for one in ranges(subject_of(frame)) if "'area'" in one.message]
    frame.loc[7, "area"] *= 1000
    (found,) = [one for one in ranges(subject_of(frame)) if "'area'" in one.message]
    assert found.rows == (7,)


def test_what_a_class_or_training_hardly_has_is_told(sentences_frame):
    """Real sentences, of which one class lost its long ones; then a test part of long ones alone."""
    frame = pd.concat([sentences_frame] * 12, ignore_index=True)
    words = frame["text"].str.split().str.len()
    long = words >= words.quantile(0.6)
    label = frame["label"].iloc[0]
    assert not thin_pairs(Subject(read(frame, target="label")))
    lacking = frame[~(long & (frame["label"] == label))]
    (told,) = thin_pairs(Subject(read(lacking, target="label")))
    assert told.kind == "thin_pair"
    assert all(f"{label!r} with words of" in one for one in told.examples)
    assert {one.do for one in told.actions} == {"collect"}
    parts = {"train": frame[~long], "test": frame[long]}
    kinds = {one.kind for one in thin_pairs(Subject(read(parts=parts, target="label")))}
    assert "thin_in_training" in kinds
