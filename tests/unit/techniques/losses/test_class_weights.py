"""Class weights: by name, in order, automatic; a mean of one; equal however a batch is cut up."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from upfit.errors import RecipeError
from upfit.techniques.losses import Facts, build, cross_entropy
from upfit.techniques.losses.class_weights import balanced_weights, label_weights, mean_one
from upfit.values.loss import Loss

CLASSES = torch.tensor([0] * 12 + [1] * 3 + [2])
FACTS = Facts.of("multiclass", CLASSES.numpy(), ("cat", "dog", "eel"))
LOGITS = torch.randn(16, 3, generator=torch.Generator().manual_seed(1))
LABELS = torch.tensor([[1, 0, 0], [1, 0, 0], [0, 0, 0], [0, 1, 0]]).float()
LABEL_FACTS = Facts.of("multilabel", LABELS.numpy(), ("a", "b", "c"))


def weights(given, facts=FACTS):
    """The weight of each row, read off from losses that are all log K."""
    rows = CLASSES if facts is FACTS else LABELS
    logits = torch.zeros(len(rows), 3)
    return build(Loss(class_weights=given), facts)(logits, rows) / build(Loss(), facts)(logits, rows)


@pytest.mark.parametrize("given", [{}, {"cat": 1, "dog": 1}, [1, 1, 1], "none"])
def test_equal_weights_are_none(given):
    plain = cross_entropy(LOGITS, CLASSES)
    assert torch.equal(build(Loss(class_weights=given), FACTS)(LOGITS, CLASSES), plain)


@pytest.mark.parametrize("given", ["auto", {"eel": 5}, [1, 2, 30], {"cat": 0}])
def test_the_mean_weight_of_the_training_rows_is_one(given):
    assert float(weights(given).mean()) == pytest.approx(1)


def test_automatic_weights_give_every_class_the_same_say():
    found = weights("auto")
    shares = torch.stack([found[k == CLASSES].sum() for k in range(3)])
    torch.testing.assert_close(shares, torch.full((3,), 16 / 3))


def test_given_weights_keep_their_proportions():
    found = weights({"dog": 4, "eel": 0.5})
    cat, dog, eel = found[0], found[12], found[15]
    assert float(dog / cat) == pytest.approx(4)
    assert float(eel / cat) == pytest.approx(0.5)
    torch.testing.assert_close(found, weights([2, 8, 1]))


def test_a_class_without_training_rows_is_weighed_as_one():
    assert balanced_weights([6, 2, 0]).tolist() == pytest.approx([2 / 3, 2, 1])


def test_outputs_beyond_the_classes_that_train_has_are_weighed_as_one():
    loss = build(Loss(class_weights="auto"), FACTS)
    wider, target = torch.zeros(1, 5), torch.tensor([4])
    torch.testing.assert_close(loss(wider, target), cross_entropy(wider, target))


def test_automatic_weights_of_labels_balance_presence_and_absence():
    present, absent = label_weights("auto", LABEL_FACTS)
    # Two of four rows have `a`, one has `b`, none has `c`.
    assert present.tolist() == pytest.approx([1, 2, 1])
    assert absent.tolist() == pytest.approx([1, 2 / 3, 1])


@pytest.mark.parametrize("given", ["auto", {"b": 3}, [1, 2, 3]])
def test_the_mean_weight_of_each_label_is_one(given):
    present, absent = label_weights(
        given if isinstance(given, str) else Loss(class_weights=given).class_weights, LABEL_FACTS
    )
    counts = np.array(LABEL_FACTS.counts)
    np.testing.assert_allclose((present * counts + absent * (4 - counts)) / 4, 1)


def test_equal_weights_of_labels_are_none():
    logits = LOGITS[:4]
    plain = build(Loss(), LABEL_FACTS)(logits, LABELS)
    torch.testing.assert_close(build(Loss(class_weights={"a": 1}), LABEL_FACTS)(logits, LABELS), plain)


@pytest.mark.parametrize("given", ["auto", {"eel": 7}])
@pytest.mark.parametrize("micro", [16, 8, 4, 3])
def test_gradients_are_those_of_the_whole_batch_however_it_is_cut(given, micro):
    loss = build(Loss(class_weights=given), FACTS)
    gradients = []
    for size in (16, micro):
        torch.manual_seed(0)
        network = nn.Linear(3, 3)
        for x, y in zip(LOGITS.split(size), CLASSES.split(size), strict=True):
            (loss(network(x), y).sum() / 16).backward()
        gradients.append(network.weight.grad)
    torch.testing.assert_close(*gradients, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"cst": 2}, "no class 'cst'(.|\n)*cat, dog, eel(.|\n)*try: +cat"),
        ([1, 2], "one weight per class(.|\n)*3: cat, dog, eel(.|\n)*got: +2"),
        ([0, 0, 0], "every training row the weight 0"),
    ],
)
def test_weights_that_do_not_fit_the_classes_are_refused(given, message):
    with pytest.raises(RecipeError, match=message):
        build(Loss(class_weights=given), FACTS)


def test_regression_has_no_class_weights():
    with pytest.raises(RecipeError, match="this is regression"):
        build(Loss(class_weights="auto"), Facts("regression"))


def test_the_mean_is_taken_over_rows_and_not_over_classes():
    assert mean_one([1, 3], [3, 1]).tolist() == pytest.approx([2 / 3, 2])
