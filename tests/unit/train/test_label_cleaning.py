"""Wrong labels of training rows are put right or dropped; right ones mostly stay."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits

from upfit.train.label_cleaning import NOTHING, label_cleaning

pytest.importorskip("cleanlab")
X, Y = load_digits(return_X_y=True)
X, Y = X[:800].astype(np.float32), Y[:800]


@pytest.fixture(scope="module")
def flipped():
    rng = np.random.default_rng(0)
    rows = rng.choice(len(Y), len(Y) // 5, replace=False)
    wrong = Y.copy()
    wrong[rows] = (Y[rows] + rng.integers(1, 10, len(rows))) % 10
    return wrong


def test_a_fifth_of_wrong_labels_is_mostly_undone(flipped):
    found = label_cleaning(X, flipped)
    cleaned = flipped.copy()
    cleaned[found.relabelled] = found.to
    stays = np.setdiff1d(np.arange(len(Y)), found.dropped)
    assert (flipped == Y).mean() == pytest.approx(0.8)
    assert (cleaned[stays] == Y[stays]).mean() > 0.95
    assert len(stays) > 0.75 * len(Y)


def test_right_labels_stay():
    assert len(label_cleaning(X, Y)) <= 0.02 * len(Y)


def test_few_rows_and_rare_classes_are_left_alone(flipped):
    assert label_cleaning(X[:30], flipped[:30]) is NOTHING
    rare = np.concatenate([Y[:200] % 2, [2, 2]])
    found = label_cleaning(X[:202], rare)
    assert not np.isin([200, 201], np.concatenate([found.dropped, found.relabelled])).any()


def test_labels_that_features_do_not_tell_are_not_cleaned_away():
    random = np.random.default_rng(0).integers(0, 2, len(Y))
    found = label_cleaning(X, random)
    assert len(found) <= 0.05 * len(Y)
