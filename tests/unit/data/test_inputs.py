"""Inputs to predict for: every form, and what happens when they do not fit."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from upfit.data.inputs import read_inputs
from upfit.data.read import read
from upfit.data.targets import targets
from upfit.data.texts import texts
from upfit.errors import DataError
from upfit.testing import digits_folder, docstring_sentences

SENTENCES = docstring_sentences(per_class=12)


def inputs(source, schema):
    """The data alone, where every input can be read."""
    data, readable = read_inputs(source, schema)
    assert readable.tolist() == list(range(len(data)))
    return data


@pytest.fixture
def digits(tmp_path):
    folder = digits_folder(tmp_path / "digits", per_class=2)
    return folder, read(folder).schema


@pytest.fixture(scope="module")
def mixed():
    sizes = np.random.default_rng(0).normal(size=len(SENTENCES))
    frame = SENTENCES.assign(size=sizes, colour=["red", "blue"] * (len(SENTENCES) // 2))
    return frame, read(frame).schema


def test_images_in_every_form(digits):
    folder, schema = digits
    path = folder / "3" / "0003.png"
    forms = [
        path,
        str(path),
        [path],
        [str(path)],
        Image.open(path),
        [Image.open(path)],
        [{"image": str(path)}],
        pd.DataFrame({"image": [str(path)]}),
    ]
    keys = {inputs(form, schema).table[0]["__pixels__"] for form in forms}
    assert len(keys) == 1
    assert len(inputs(folder, schema)) == 20
    assert len(inputs(folder / "3", schema)) == 2


def test_texts_in_every_form(tmp_path):
    schema = read(SENTENCES).schema
    SENTENCES[["text"]].to_csv(tmp_path / "a.csv", index=False)
    forms = [
        SENTENCES["text"].tolist(),
        tuple(SENTENCES["text"]),
        SENTENCES["text"],
        SENTENCES[["text"]],
        SENTENCES[["text"]].to_dict("records"),
        tmp_path / "a.csv",
        tmp_path,
    ]
    for form in forms:
        assert texts(inputs(form, schema), np.array([5])) == [(SENTENCES["text"][5],)]
    assert len(inputs({"text": "one record"}, schema)) == 1


def test_targets_are_kept_where_they_are_there(mixed):
    frame, schema = mixed
    data = inputs(frame, schema)
    assert (targets(data, np.arange(len(frame))) == targets(read(frame), np.arange(len(frame)))).all()
    assert "label" not in inputs(frame.drop(columns="label"), schema).table.column_names
    strange = inputs(frame.assign(label="unknown"), schema)
    with pytest.raises(DataError, match="the class 'unknown' is not among those"):
        targets(strange, np.array([0]))


def test_columns_may_stand_in_another_order(mixed):
    frame, schema = mixed
    assert inputs(frame[["size", "colour", "text"]], schema) == inputs(
        frame[["text", "size", "colour"]].assign(more=1), schema
    )


def test_missing_columns(mixed):
    frame, schema = mixed
    with pytest.raises(DataError, match="lacks columns that the model reads: colour") as caught:
        inputs(frame.rename(columns={"colour": "color"}), schema)
    assert "expected: text (text), size (number), colour (category)" in str(caught.value)
    assert "rename 'color' to 'colour'" in str(caught.value)


def test_a_number_column_without_numbers(mixed):
    frame, schema = mixed
    with pytest.raises(DataError, match="the column 'size' does not hold numbers"):
        inputs(frame.assign(size="large"), schema)


def test_texts_alone_for_a_model_of_several_columns(mixed):
    with pytest.raises(DataError, match="do not fit the model"):
        inputs(["a text"], mixed[1])


def test_texts_for_an_image_model(digits):
    with pytest.raises(DataError, match="no image can be read"):
        inputs(["a text"], digits[1])
    with pytest.raises(DataError, match="do not fit the model"):
        inputs([Image.new("RGB", (2, 2))], read(SENTENCES).schema)


def test_unreadable_images_keep_their_place(digits):
    folder, schema = digits
    (folder / "3" / "0005.png").write_bytes(b"")
    data, readable = read_inputs(folder / "3", schema)
    assert len(data) == 3
    assert readable.tolist() == [0, 2]
    assert data.findings[0].message == "1 of 3 images cannot be read and have no prediction"
    assert "0005.png" in data.findings[0].examples[0]


def test_formats_that_are_not_read_are_told_of(digits):
    folder, schema = digits
    (folder / "3" / "a.heic").write_bytes(b"a photograph")
    data, readable = read_inputs(folder / "3", schema)
    assert len(readable) == 2
    assert data.findings[0].message == "pictures in formats that are not read: 1 .heic"


@pytest.mark.parametrize(
    ("given", "reason"),
    [([], "the list is empty"), ([1, 2], "a list may hold"), ("nowhere.csv", "nothing at")],
)
def test_what_cannot_be_read(given, reason):
    with pytest.raises(DataError, match=reason):
        inputs(given, read(SENTENCES).schema)


def test_an_empty_folder(tmp_path, digits):
    (tmp_path / "none").mkdir()
    with pytest.raises(DataError, match="holds no images"):
        inputs(tmp_path / "none", digits[1])
