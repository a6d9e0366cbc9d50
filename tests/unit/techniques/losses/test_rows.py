"""What losses mean to linear models outside the loop: row weights and a shift of the biases."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from upfit.techniques.losses import Facts, build, deciding_metric
from upfit.techniques.losses.rows import bias_shift, row_weights
from upfit.values.loss import Loss

CLASSES = np.array([0] * 12 + [1] * 3 + [2])
FACTS = Facts.of("multiclass", CLASSES)
LABELS = np.array([[1, 0], [1, 0], [0, 0], [0, 1]], np.float32)


@pytest.mark.parametrize(
    "loss", [{"class_weights": "auto"}, {"class_weights": {"1": 4}}, {"name": "class_balanced", "beta": 0.9}]
)
def test_rows_count_as_much_as_in_the_loop(loss):
    logits, targets = torch.zeros(16, 3), torch.from_numpy(CLASSES)
    each = build(Loss(**loss), FACTS)(logits, targets) / build(Loss(), FACTS)(logits, targets)
    np.testing.assert_allclose(row_weights(Loss(**loss), FACTS, CLASSES), each, rtol=1e-6)


def test_rows_of_labels_count_by_label():
    facts = Facts.of("multilabel", LABELS)
    found = row_weights(Loss(class_weights="auto"), facts, LABELS)
    assert found.shape == LABELS.shape
    assert found[:, 1].tolist() == pytest.approx([2 / 3, 2 / 3, 2 / 3, 2])


@pytest.mark.parametrize("name", ["auto", "focal", "ldam", "logit_adjusted"])
def test_most_losses_leave_rows_alone(name):
    assert row_weights(Loss(name=name), FACTS, CLASSES) is None


def test_logit_adjustment_takes_the_prior_off_a_plain_classifier():
    np.testing.assert_allclose(
        bias_shift(Loss(name="logit_adjusted"), FACTS), -np.log([12 / 16, 3 / 16, 1 / 16])
    )
    assert bias_shift(Loss(name="logit_adjusted", tau=0), FACTS).tolist() == [0, 0, 0]
    assert bias_shift(Loss(), FACTS) is None


def test_the_metric_follows_losses_that_answer_another_question():
    assert deciding_metric(Loss(name="quantile"), "regression") == "mae"
    assert deciding_metric(Loss(name="quantile", quantile=0.05), "regression") == "pinball_5"
    assert deciding_metric(Loss(name="huber"), "regression") is None
    assert deciding_metric(Loss(name="quantile"), "binary") is None
