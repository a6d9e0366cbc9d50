"""How many labels are wrong is estimated; clean labels are left alone, and so are those nothing speaks of."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits

from upfit.audit.label_confusions import label_confusions
from upfit.audit.label_noise import label_noise
from upfit.train.leave_one_out import leave_one_out

X, Y = load_digits(return_X_y=True)
X, Y = X[:800].astype(np.float32), Y[:800]


def flipped(share: float) -> np.ndarray:
    rng = np.random.default_rng(0)
    rows = rng.choice(len(Y), int(share * len(Y)), replace=False)
    wrong = Y.copy()
    wrong[rows] = (Y[rows] + rng.integers(1, 10, len(rows))) % 10
    return wrong


@pytest.mark.parametrize("share", [0.0, 0.05, 0.2, 0.4])
def test_the_share_of_wrong_labels_is_estimated(share):
    labels = flipped(share)
    found = label_noise(leave_one_out(X, labels, classes=10), labels)
    assert found.share == pytest.approx(share, abs=0.02)
    np.testing.assert_allclose(found.beliefs_NK.sum(1), 1)
    # What is believed of the doubted rows is mostly the class that they had.
    doubted = found.doubted(labels)
    assert (found.beliefs_NK.argmax(1) == Y)[doubted].sum() >= 0.85 * doubted.sum()
    assert (labels != Y)[doubted].sum() >= 0.9 * doubted.sum()


def test_without_a_clue_no_label_is_doubted():
    labels = np.random.default_rng(0).integers(0, 4, 500)
    found = label_noise(np.random.default_rng(1).standard_normal((500, 4)), labels)
    assert found.doubted(labels).mean() < 0.02


@pytest.mark.parametrize("share", [0.05, 0.2, 0.3])
def test_labels_that_are_wrong_in_one_direction_are_found(share):
    rng = np.random.default_rng(0)
    wrong = np.isin(np.arange(len(Y)), rng.choice(len(Y), int(share * len(Y)), replace=False))
    labels = np.where(wrong, (Y + 1) % 10, Y)
    found = label_noise(leave_one_out(X, labels, classes=10), labels)
    doubted = found.doubted(labels)
    assert (wrong & doubted).sum() >= 0.8 * wrong.sum()
    assert (wrong & doubted).sum() >= 0.8 * doubted.sum()
    assert found.share == pytest.approx(share, abs=0.05)


def test_one_class_that_is_given_another_name_is_found():
    rng = np.random.default_rng(0)
    wrong = (Y == 7) & (rng.random(len(Y)) < 0.25)
    labels = np.where(wrong, 1, Y)
    found = label_noise(leave_one_out(X, labels, classes=10), labels)
    doubted = found.doubted(labels)
    assert (wrong & doubted).sum() >= 0.8 * wrong.sum()
    assert (doubted & ~wrong).sum() <= 0.01 * len(Y)


def test_classes_that_are_hard_to_tell_apart_are_no_confusion():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 600)
    # Two clouds, one of their widths apart: a third of the rows lies nearer to the other one.
    outputs = np.stack([np.zeros(600), labels - 0.5 + rng.standard_normal(600)], 1)
    assert label_confusions(outputs, labels, 1.0) is None
