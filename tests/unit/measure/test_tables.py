"""Confusions, classes, losses and baselines against scikit-learn."""

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.metrics import confusion_matrix, log_loss, precision_recall_fscore_support

from upfit.errors import DataError
from upfit.measure import baseline_scores, confusion, example_losses, metrics, per_class


@pytest.fixture
def predicted():
    rng = np.random.default_rng(0)
    targets = rng.integers(0, 4, 120)
    powers = np.exp(rng.normal(size=(120, 4)) + np.eye(4)[targets])
    return powers / powers.sum(axis=1, keepdims=True), targets


def test_confusion_and_classes_equal_scikit_learn(predicted):
    scores, targets = predicted
    said = scores.argmax(axis=1)
    assert (confusion(scores, targets) == confusion_matrix(targets, said)).all()
    columns = precision_recall_fscore_support(targets, said)
    rows = per_class("multiclass", scores, targets)
    for row, expected in zip(rows, zip(*columns, strict=True), strict=True):
        assert (row.precision, row.recall, row.f1, row.support) == pytest.approx(expected)


def test_labels_equal_scikit_learn():
    rng = np.random.default_rng(0)
    labels, scores = rng.integers(0, 2, (80, 3)), rng.random((80, 3))
    columns = precision_recall_fscore_support(labels, scores >= 0.5)
    for row, expected in zip(
        per_class("multilabel", scores, labels), zip(*columns, strict=True), strict=True
    ):
        assert (row.precision, row.recall, row.f1, row.support) == pytest.approx(expected)


def test_losses_average_to_the_log_loss(predicted):
    scores, targets = predicted
    assert example_losses("multiclass", scores, targets).mean() == pytest.approx(log_loss(targets, scores))
    assert example_losses("regression", np.array([[1.0], [3.0]]), np.array([2.0, 3.0])).tolist() == [1, 0]
    one = example_losses("multilabel", np.array([[0.9, 0.2]]), np.array([[1, 0]]))
    assert one == pytest.approx(-(np.log(0.9) + np.log(0.8)) / 2)


def test_baselines_equal_scikit_learns_dummies():
    train = np.array([2, 2, 2, 0, 0, 1])
    ours = baseline_scores("multiclass", train, 5, 3)
    dummy = DummyClassifier(strategy="prior").fit(np.zeros((6, 1)), train)
    assert ours == pytest.approx(dummy.predict_proba(np.zeros((5, 1))))
    values = np.array([1.0, 2.0, 6.0])
    mean = DummyRegressor().fit(np.zeros((3, 1)), values).predict(np.zeros((2, 1)))
    assert baseline_scores("regression", values, 2, 1)[:, 0] == pytest.approx(mean)
    labels = baseline_scores("multilabel", np.array([[1, 0], [1, 1]]), 3, 2)
    assert labels.tolist() == [[1.0, 0.5]] * 3
    assert metrics("multiclass", ours, np.array([2, 2, 1, 0, 2]))["accuracy"] == pytest.approx(0.6)


def test_a_class_without_training_examples_still_has_a_column():
    assert baseline_scores("multiclass", np.array([0, 1]), 1, 3).tolist() == [[0.5, 0.5, 0.0]]
    with pytest.raises(DataError, match="needs training targets"):
        baseline_scores("binary", np.array([]), 1, 2)
