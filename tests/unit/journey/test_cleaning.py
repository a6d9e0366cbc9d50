"""`fit --clean auto`: doubtful training rows go, and what was decided is kept for a run that is resumed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from upfit.data.read import read
from upfit.data.targets import targets
from upfit.journey.cleaning import with_clean_labels
from upfit.store import RunFolder
from upfit.testing import digits_folder
from upfit.testing.small import SHORT, small_backbone, small_bench
from upfit.train.features import keep_features
from upfit.train.objective import Objective
from upfit.values import Split

TRAIN = np.arange(0, 300, 2)


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return read(str(digits_folder(tmp_path_factory.mktemp("digits"), per_class=30)))


@pytest.fixture
def bench(digits):
    """Digits with a fifth of the training labels wrong; their features are their pixels."""
    split = Split(TRAIN, TRAIN + 1, np.empty(0, np.int64), how="given")
    rng = np.random.default_rng(0)
    noisy = targets(digits, TRAIN)
    rows = rng.choice(len(noisy), len(noisy) // 5, replace=False)
    noisy[rows] = (noisy[rows] + rng.integers(1, 10, len(rows))) % 10
    plain = small_bench(SHORT, modality="image", task="multiclass", steps=1)
    objective = Objective.of("multiclass", noisy, digits.schema.classes)
    known = {"train_targets": noisy, "validation_targets": targets(digits, TRAIN + 1)}
    return replace(plain, data=digits, split=split, objective=objective, **known)


def test_doubtful_rows_go_and_a_resumed_run_leaves_out_the_same(bench, digits, tmp_path):
    backbone, folder = small_backbone("image").eval(), RunFolder.create(tmp_path / "run")
    pixels = np.stack([_pixels(cell["path"]) for cell in digits.table["image"]])
    for rows in (bench.split.train, bench.split.validation):
        keep_features(bench, backbone, rows, pixels[rows])
    folder.unlock()
    cleaned = with_clean_labels(bench, backbone, folder)
    gone = np.setdiff1d(bench.split.train, cleaned.split.train)
    wrong = bench.split.train[bench.train_targets != targets(digits, TRAIN)]
    assert np.isin(gone, wrong).mean() > 0.8
    assert np.isin(wrong, gone).mean() > 0.7
    np.testing.assert_array_equal(cleaned.split.validation, bench.split.validation)
    np.testing.assert_array_equal(cleaned.validation_targets, bench.validation_targets)
    assert len(cleaned.train_targets) == len(cleaned.split.train)
    assert [one.kind for one in folder.read_findings()] == ["labels_cleaned"]

    again = with_clean_labels(bench, backbone, folder)
    np.testing.assert_array_equal(again.split.train, cleaned.split.train)
    assert with_clean_labels(again, backbone, folder).split is again.split


def test_what_cannot_be_looked_for_is_told(tmp_path):
    bench = small_bench(SHORT, modality="image", task="regression", steps=1)
    folder = RunFolder.create(tmp_path / "run")
    folder.unlock()
    assert with_clean_labels(bench, small_backbone("image"), folder) is bench
    assert with_clean_labels(bench, small_backbone("image"), folder) is bench  # a resumed run
    (found,) = folder.read_findings()
    assert found.message.startswith("wrong labels were not looked for")


def _pixels(path):
    return np.asarray(Image.open(path).convert("L").resize((8, 8)), np.float32).ravel()
