"""Rows with wrong labels are found; right ones mostly stay."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits

from upfit.train.label_cleaning import probably_wrong

X, Y = load_digits(return_X_y=True)
X, Y = X[:800].astype(np.float32), Y[:800]


@pytest.fixture(scope="module")
def flipped():
    rng = np.random.default_rng(0)
    rows = rng.choice(len(Y), len(Y) // 5, replace=False)
    wrong = Y.copy()
    wrong[rows] = (Y[rows] + rng.integers(1, 10, len(rows))) % 10
    return wrong


def test_a_fifth_of_wrong_labels_is_mostly_found(flipped):
    found = probably_wrong(X, flipped)
    wrong = flipped != Y
    assert wrong[found].mean() > 0.92
    assert wrong[found].sum() > 0.85 * wrong.sum()


def test_two_classes():
    rng = np.random.default_rng(0)
    two = Y < 2
    x, true = X[two], Y[two]
    rows = rng.choice(len(true), len(true) // 5, replace=False)
    noisy = true.copy()
    noisy[rows] = 1 - true[rows]
    found = probably_wrong(x, noisy)
    assert (noisy != true)[found].mean() > 0.9
    assert len(found) > 0.6 * len(rows)


def test_right_labels_stay():
    assert len(probably_wrong(X, Y)) <= 0.01 * len(Y)


def test_few_rows_and_rare_classes_are_left_alone(flipped):
    assert len(probably_wrong(X[:30], flipped[:30])) == 0
    rare = np.concatenate([Y[:200] % 2, [2, 2]])
    assert not np.isin([200, 201], probably_wrong(X[:202], rare)).any()


def test_labels_that_features_do_not_tell_are_not_cleaned_away():
    random = np.random.default_rng(0).integers(0, 4, len(Y))
    assert len(probably_wrong(X, random)) <= 0.05 * len(Y)


@pytest.mark.parametrize("seed", [0, 2])
def test_six_rows_a_class_are_enough(seed):
    """Wrong labels leave classes with three to ten rows, and are found all the same."""
    rng = np.random.default_rng(seed)
    rows = np.concatenate([np.flatnonzero(one == Y)[:6] for one in range(10)])
    given = Y[rows].copy()
    touched = rng.choice(60, 10, replace=False)
    given[touched] = (given[touched] + rng.integers(1, 10, 10)) % 10
    found, wrong = probably_wrong(X[rows], given), given != Y[rows]
    assert np.bincount(given).min() < 5
    assert wrong[found].sum() >= 8
    assert wrong[found].mean() >= 0.75


def test_classes_of_four_rows_each_mostly_stay():
    rows = np.concatenate([np.flatnonzero(one == Y)[:4] for one in range(10)])
    halves = np.concatenate([Y[rows], Y[rows] + 10])
    assert len(probably_wrong(np.vstack([X[rows], -X[rows]]), halves)) <= 6
