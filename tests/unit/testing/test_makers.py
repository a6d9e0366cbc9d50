"""The makers of real data: what they promise to the tests that build on them."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from upfit.errors import DataError
from upfit.testing import digits_folder, docstring_sentences


def test_digits(tmp_path):
    folder = digits_folder(tmp_path / "new" / "digits")
    files = sorted(folder.rglob("*.png"), key=lambda path: path.name)
    pixels, labels = load_digits(return_X_y=True)
    assert len(files) == 1797
    assert [int(path.parent.name) for path in files] == labels.tolist()
    shown = np.asarray(Image.open(files[42]), float) * 16 / 255
    assert np.abs(shown.ravel() - pixels[42]).max() < 0.05


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel", "regression"])
def test_sentences(task):
    frame = docstring_sentences(task=task, per_class=15)
    assert frame.equals(docstring_sentences(task=task, per_class=15))
    assert frame["text"].str.casefold().is_unique
    assert frame["text"].str.split().str.len().between(6, 40).all()
    giveaway = "numpy|pandas|scikit|sklearn|scipy|torch"
    assert not frame["text"].str.contains(giveaway, case=False).any()
    assert len(frame) == 15 * {"binary": 2, "multilabel": 4}.get(task, 5)


def test_classes_take_turns():
    labels = docstring_sentences(per_class=3)["label"].tolist()
    assert labels == ["numpy", "pandas", "scikit-learn", "scipy", "torch"] * 3


def test_files(tmp_path):
    frame = docstring_sentences(tmp_path / "in" / "a.csv", per_class=3)
    assert pd.read_csv(tmp_path / "in" / "a.csv").equals(frame.astype(object).astype("str"))
    lists = docstring_sentences(tmp_path / "a.jsonl", task="multilabel", per_class=3)
    assert pd.read_json(tmp_path / "a.jsonl", lines=True)["labels"].tolist() == lists["labels"].tolist()
    docstring_sentences(tmp_path / "a.parquet", task="multilabel", per_class=3)
    assert pd.read_parquet(tmp_path / "a.parquet")["labels"][0].tolist() == lists["labels"][0]
    with pytest.raises(DataError, match="cannot write"):
        docstring_sentences(tmp_path / "a.csv", task="multilabel", per_class=3)
