"""Metric values against scikit-learn and SciPy, and what happens where they are not defined."""

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as reference

from upfit.errors import DataError, RecipeError
from upfit.measure import calibration_bins, higher_is_better, metric_names, metrics, primary_metric
from upfit.measure.metrics import FAMILIES


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)


def classes(count, examples=300, *, seed=0, decimals=2):
    """Scores with ties (rounded logits) and targets that they tell something about."""
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, count, examples)
    logits = rng.normal(size=(examples, count)) + 1.5 * np.eye(count)[targets]
    return softmax(np.round(logits, decimals)), targets


@pytest.mark.parametrize("count", [3, 7])
def test_multiclass_equals_scikit_learn(count):
    scores, targets = classes(count)
    said = scores.argmax(axis=1)
    found = metrics("multiclass", scores, targets)
    each = [reference.roc_auc_score(targets == k, scores[:, k]) for k in range(count)]
    assert found["accuracy"] == pytest.approx(reference.accuracy_score(targets, said))
    assert found["balanced_accuracy"] == pytest.approx(reference.balanced_accuracy_score(targets, said))
    assert found["macro_f1"] == pytest.approx(reference.f1_score(targets, said, average="macro"))
    assert found["log_loss"] == pytest.approx(reference.log_loss(targets, scores), rel=1e-5)
    assert found["auroc"] == pytest.approx(np.mean(each))


def test_binary_equals_scikit_learn():
    scores, targets = classes(2, decimals=1)
    found = metrics("binary", scores, targets)
    assert found["auroc"] == pytest.approx(reference.roc_auc_score(targets, scores[:, 1]))
    assert found["log_loss"] == pytest.approx(reference.log_loss(targets, scores), rel=1e-5)


def test_classes_that_no_target_has_are_treated_as_scikit_learn_does():
    scores, targets = classes(6)
    targets = np.minimum(targets, 3)
    found = metrics("multiclass", scores, targets)
    said = scores.argmax(axis=1)
    assert found["macro_f1"] == pytest.approx(reference.f1_score(targets, said, average="macro"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn warns that predictions name unseen classes
        balanced = reference.balanced_accuracy_score(targets, said)
    assert found["balanced_accuracy"] == pytest.approx(balanced)


def test_multilabel_equals_scikit_learn():
    rng = np.random.default_rng(0)
    targets = (rng.random((200, 5)) < [0.5, 0.3, 0.2, 0.1, 0.02]).astype(np.float32)
    scores = np.round(np.clip(0.35 * targets + 0.65 * rng.random((200, 5)), 0, 1), 2)
    found = metrics("multilabel", scores, targets)
    said = scores >= 0.5
    assert found["map"] == pytest.approx(reference.average_precision_score(targets, scores, average="macro"))
    for average in ("micro", "macro"):
        expected = reference.f1_score(targets, said, average=average, zero_division=0)
        assert found[f"{average}_f1"] == pytest.approx(expected)


def test_regression_equals_scikit_learn_and_scipy():
    rng = np.random.default_rng(0)
    targets = np.round(rng.normal(1000, 3, 150), 1)
    scores = np.round(targets + rng.normal(0, 2, 150), 1)
    found = metrics("regression", scores[:, None], targets)
    assert found["mae"] == pytest.approx(reference.mean_absolute_error(targets, scores))
    assert found["rmse"] == pytest.approx(reference.root_mean_squared_error(targets, scores))
    assert found["r2"] == pytest.approx(reference.r2_score(targets, scores))
    assert found["spearman"] == pytest.approx(stats.spearmanr(targets, scores).statistic)
    assert found["pearson"] == pytest.approx(stats.pearsonr(targets, scores).statistic)


def test_calibration_error_equals_its_definition_and_torchmetrics_with_equal_bins():
    torchmetrics = pytest.importorskip("torchmetrics.functional.classification")

    # Confidence is uniform, so that bins of equal mass and of equal width are the same bins.
    rng = np.random.default_rng(0)
    top = (np.arange(3000) + 0.5) / 3000 * 0.5 + 0.5
    scores = np.stack([top, 1 - top], axis=1)
    targets = (rng.random(3000) > top**2).astype(int)
    found = metrics("binary", scores, targets)["calibration_error"]
    bins = calibration_bins("binary", scores, targets)
    assert sum(b.count * abs(b.confidence - b.accuracy) for b in bins) / 3000 == pytest.approx(found)
    # torchmetrics cuts 0 to 1 into 30 equal bins; the upper 15 are ours.
    other = torchmetrics.multiclass_calibration_error(
        torch.tensor(scores), torch.tensor(targets), 2, n_bins=30
    )
    assert found == pytest.approx(float(other), abs=1e-3)


def test_examples_of_equal_confidence_share_a_bin_whatever_their_order():
    scores, targets = np.tile([0.3, 0.7], (40, 1)), np.arange(40) % 2
    assert [b.count for b in calibration_bins("binary", scores, targets)] == [40]
    assert metrics("binary", scores, targets)["calibration_error"] == pytest.approx(0.2)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), count=st.integers(2, 6), examples=st.integers(1, 40))
def test_metrics_do_not_depend_on_the_order_of_examples(seed, count, examples):
    scores, targets = classes(count, examples, seed=seed)
    order = np.random.default_rng(seed).permutation(examples)
    before = metrics("multiclass", scores, targets)
    after = metrics("multiclass", scores[order], targets[order])
    assert after == pytest.approx(before)
    assert all(0 <= value <= 1 for name, value in before.items() if name != "log_loss")


@pytest.mark.parametrize(
    ("task", "scores", "targets", "absent"),
    [
        ("binary", [[0.3, 0.7]] * 5, [1] * 5, {"auroc"}),
        ("multilabel", [[0.3, 0.7]] * 5, [[0, 0]] * 5, {"map"}),
        ("regression", [[2.0]] * 5, [1.0, 2.0, 3.0, 4.0, 5.0], {"pearson", "spearman"}),
        ("regression", [[2.0]], [1.0], {"pearson", "spearman", "r2"}),
        ("regression", [[1.1], [2.2], [3.3]], [0.1] * 3, {"pearson", "spearman", "r2"}),
    ],
)
def test_a_metric_that_is_not_defined_is_left_out(task, scores, targets, absent):
    found = metrics(task, np.array(scores), np.array(targets))
    assert set(metric_names(task)) - set(found) == absent
    assert all(np.isfinite(value) for value in found.values())


@pytest.mark.parametrize(
    ("task", "scores", "targets", "message"),
    [
        ("binary", [[np.nan, 0.5]], [0], "scores hold 1 values that are NaN or infinite"),
        ("binary", [[0.2, 0.3, 0.5]], [0], r"expected: scores \(N, 2\) and targets \(N,\)"),
        ("multiclass", [[0.2, 0.3, 0.5]], [3], "a class that the scores do not have"),
        ("multiclass", [[0.2, 0.3, 0.1]], [1], "add up to 1"),
        ("multiclass", [[-4.0, 2.0, 3.0]], [1], "no probabilities"),
        ("multilabel", [[0.2, 0.3]], [[0.5, 1.0]], "0 or 1"),
        ("regression", [[1.0]], [np.inf], "targets hold 1 values"),
        ("multiclass", np.zeros((0, 3)), np.zeros(0), "N at least 1"),
        ("multiclass", [[0.5, 0.5]] * 3, [1, 0], "do not fit a multiclass task"),
    ],
)
def test_bad_arrays_are_named(task, scores, targets, message):
    with pytest.raises(DataError, match=message):
        metrics(task, np.array(scores), np.array(targets))


def test_every_metric_has_a_direction_and_every_task_a_primary_one():
    for task in FAMILIES:
        assert primary_metric(task) in metric_names(task)
        assert all(isinstance(higher_is_better(name), bool) for name in metric_names(task))
    assert not higher_is_better("rmse")
    with pytest.raises(RecipeError, match=r"try: +accuracy"):
        higher_is_better("acuracy")
