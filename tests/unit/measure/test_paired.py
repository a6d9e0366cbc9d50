"""Paired gains: sign, sharpness, and honesty where two models hardly differ."""

import numpy as np
import pytest

from upfit.errors import DataError, RecipeError
from upfit.measure import evidence, paired_gain


def pair(examples, *, seed=0, better=0.5):
    """Two models that find the same examples hard; the first knows a little more."""
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, 3, examples)
    shared = rng.normal(size=(examples, 3)) + np.eye(3)[targets]

    def softmax(logits):
        powers = np.exp(logits)
        return powers / powers.sum(axis=1, keepdims=True)

    noise = 0.3 * rng.normal(size=(2, examples, 3))
    return softmax(shared + noise[0] + better * np.eye(3)[targets]), softmax(shared + noise[1]), targets


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1", "log_loss", "auroc", "balanced_accuracy"])
def test_a_better_model_gains_whichever_way_the_metric_points(metric):
    good, poor, targets = pair(400)
    found = paired_gain("multiclass", metric, good, poor, targets)
    back = paired_gain("multiclass", metric, poor, good, targets)
    assert 0 < found.low < found.value < found.high
    assert back.value == pytest.approx(-found.value)
    assert back.high == pytest.approx(-found.low)


def test_pairing_is_sharper_than_two_separate_intervals():
    good, poor, targets = pair(400)
    found = paired_gain("multiclass", "accuracy", good, poor, targets)
    alone = [evidence("multiclass", scores, targets)["accuracy"] for scores in (good, poor)]
    assert found.high - found.low < sum(one.high - one.low for one in alone) / 2


def test_the_interval_covers_the_true_gain():
    good, poor, targets = pair(40_000, better=0.2)
    truth = paired_gain("multiclass", "accuracy", good, poor, targets).value
    held = 0
    parts = np.split(np.arange(40_000), 200)
    for rows in parts:
        found = paired_gain("multiclass", "accuracy", good[rows], poor[rows], targets[rows], resamples=400)
        held += found.low <= truth <= found.high
    assert 0.90 <= held / len(parts) <= 1.0


def test_the_same_predictions_gain_nothing_for_certain():
    good, _, targets = pair(30)
    found = paired_gain("multiclass", "accuracy", good, good.copy(), targets)
    assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)


def test_models_that_never_disagree_may_still_differ_a_little():
    good, _, targets = pair(50)
    found = paired_gain("multiclass", "accuracy", good, 0.9 * good + 0.1 / 3, targets)
    assert found.value == 0.0
    assert found.low < -0.03
    assert found.high > 0.03


def test_regression_and_multilabel():
    rng = np.random.default_rng(0)
    true = rng.normal(size=200)
    near, far = true[:, None] + 0.1 * rng.normal(size=(200, 1)), true[:, None] + rng.normal(size=(200, 1))
    for metric in ("rmse", "mae", "r2", "spearman"):
        assert paired_gain("regression", metric, near, far, true).low > 0
    labels = rng.integers(0, 2, (200, 4))
    sure, unsure = 0.8 * labels + 0.1, np.clip(0.2 * labels + 0.8 * rng.random((200, 4)), 0, 1)
    for metric in ("map", "micro_f1", "macro_f1"):
        assert paired_gain("multilabel", metric, sure, unsure, labels).low > 0


def test_what_cannot_be_compared_is_said():
    good, poor, targets = pair(20)
    with pytest.raises(RecipeError, match="a multiclass task has no metric 'rmse'"):
        paired_gain("multiclass", "rmse", good, poor, targets)
    with pytest.raises(DataError, match="do not define auroc"):
        paired_gain(
            "binary", "auroc", np.array([[0.4, 0.6]] * 4), np.array([[0.3, 0.7]] * 4), np.ones(4, int)
        )
