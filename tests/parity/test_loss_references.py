"""Our losses against torch, torchvision, timm, scikit-learn, and the formulas as their papers print them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import mean_pinball_loss
from sklearn.utils.class_weight import compute_class_weight
from timm.loss import AsymmetricLossMultiLabel
from torch import nn
from torch.nn import functional
from torchvision.ops import sigmoid_focal_loss

from upfit.techniques import losses
from upfit.techniques.losses import Facts
from upfit.techniques.losses.class_balanced import effective_weights
from upfit.techniques.losses.class_weights import balanced_weights
from upfit.values.loss import Loss

GENERATOR = torch.Generator().manual_seed(0)
LOGITS = 3 * torch.randn(64, 5, generator=GENERATOR, dtype=torch.float64)
CLASSES = torch.randint(0, 5, (64,), generator=GENERATOR)
LABELS = torch.randint(0, 2, (64, 5), generator=GENERATOR).double()
OUTPUTS = 2 * torch.randn(64, 1, generator=GENERATOR, dtype=torch.float64)
VALUES = torch.randn(64, generator=GENERATOR, dtype=torch.float64)
FACTS = Facts.of("multiclass", CLASSES.numpy())


def built(facts=FACTS, **loss):
    return losses.build(Loss(**loss), facts)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_cross_entropy_is_torchs(smoothing):
    theirs = nn.CrossEntropyLoss(reduction="none", label_smoothing=smoothing)(LOGITS, CLASSES)
    torch.testing.assert_close(losses.cross_entropy(LOGITS, CLASSES, label_smoothing=smoothing), theirs)


def test_binary_cross_entropy_is_torchs_averaged_over_labels():
    theirs = nn.BCEWithLogitsLoss(reduction="none")(LOGITS, LABELS).mean(1)
    torch.testing.assert_close(losses.binary_cross_entropy(LOGITS, LABELS), theirs)


@pytest.mark.parametrize("gamma", [0.0, 1.0, 2.0, 5.0])
def test_focal_loss_of_labels_is_torchvisions(gamma):
    theirs = sigmoid_focal_loss(LOGITS, LABELS, alpha=-1, gamma=gamma, reduction="none").mean(1)
    torch.testing.assert_close(losses.binary_focal_loss(LOGITS, LABELS, gamma=gamma), theirs)


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_focal_loss_of_two_classes_is_torchvisions_of_their_difference(gamma):
    two, classes = LOGITS[:, :2], CLASSES % 2
    theirs = sigmoid_focal_loss(two[:, 1] - two[:, 0], classes.double(), alpha=-1, gamma=gamma)
    torch.testing.assert_close(losses.focal_loss(two, classes, gamma=gamma), theirs)


@pytest.mark.parametrize(("positive", "negative", "clip"), [(1, 4, 0.05), (0, 2, 0.2), (0, 0, 0.0)])
def test_asymmetric_loss_is_timms(positive, negative, clip):
    theirs = AsymmetricLossMultiLabel(gamma_neg=negative, gamma_pos=positive, clip=clip)
    each = torch.stack([theirs(LOGITS[i : i + 1], LABELS[i : i + 1]) for i in range(len(LOGITS))])
    ours = losses.asymmetric_loss(LOGITS, LABELS, gamma_positive=positive, gamma_negative=negative, clip=clip)
    # The sum over labels in timm, the mean here.
    torch.testing.assert_close(ours, each.double() / LABELS.shape[1], rtol=1e-5, atol=1e-7)


def test_regression_losses_are_torchs_and_scikit_learns():
    ours = losses.huber(OUTPUTS, VALUES, delta=0.7)
    torch.testing.assert_close(ours.mean(), nn.HuberLoss(delta=0.7)(OUTPUTS[:, 0], VALUES))
    torch.testing.assert_close(
        losses.squared_error(OUTPUTS, VALUES).mean(), nn.MSELoss()(OUTPUTS[:, 0], VALUES)
    )
    torch.testing.assert_close(
        losses.absolute_error(OUTPUTS, VALUES).mean(), nn.L1Loss()(OUTPUTS[:, 0], VALUES)
    )
    theirs = (OUTPUTS[:, 0] - VALUES).cosh().log()
    torch.testing.assert_close(losses.log_cosh(OUTPUTS, VALUES), theirs)
    for quantile in (0.1, 0.5, 0.9):
        ours = losses.quantile_loss(OUTPUTS, VALUES, quantile=quantile).mean()
        theirs = mean_pinball_loss(VALUES.numpy(), OUTPUTS[:, 0].numpy(), alpha=quantile)
        assert float(ours) == pytest.approx(theirs)


def test_generalised_cross_entropy_is_equation_6_of_zhang_and_sabuncu():
    p = LOGITS.softmax(1).gather(1, CLASSES[:, None])[:, 0]
    torch.testing.assert_close(losses.generalised_cross_entropy(LOGITS, CLASSES, q=0.7), (1 - p**0.7) / 0.7)


def test_symmetric_cross_entropy_is_that_of_wang_and_others():
    """Their published code, one example at a time: clamps stand for the logarithm of zero."""
    p = LOGITS.softmax(1)
    truth = functional.one_hot(CLASSES, 5).double().clamp(min=1e-4, max=1.0)
    reverse = -(p * truth.log()).sum(1)
    theirs = 0.1 * functional.cross_entropy(LOGITS, CLASSES, reduction="none") + 1.0 * reverse
    ours = losses.symmetric_cross_entropy(LOGITS, CLASSES, alpha=0.1, beta=1.0)
    # log 1e-4 is -9.21 where the paper writes A = -4: the same but for that factor.
    rescaled = losses.symmetric_cross_entropy(LOGITS, CLASSES, alpha=0.1, beta=np.log(1e-4) / -4.0)
    torch.testing.assert_close(rescaled, theirs)
    assert (ours < theirs).all()


def test_ldam_is_the_published_code_with_scale_one():
    counts = torch.bincount(CLASSES).double()
    margins = 1.0 / counts.sqrt().sqrt()
    margins = margins * (0.5 / margins.max())
    index = functional.one_hot(CLASSES, 5).bool()
    moved = torch.where(index, LOGITS - margins[CLASSES][:, None], LOGITS)
    theirs = functional.cross_entropy(moved, CLASSES, reduction="none")
    torch.testing.assert_close(built(name="ldam", margin=0.5)(LOGITS, CLASSES), theirs, rtol=1e-6, atol=1e-6)


def test_logit_adjusted_is_equation_10_of_menon_and_others():
    priors = torch.bincount(CLASSES).double() / len(CLASSES)
    theirs = functional.cross_entropy(LOGITS + 0.8 * priors.log(), CLASSES, reduction="none")
    ours = built(name="logit_adjusted", tau=0.8)(LOGITS, CLASSES)
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-6)


def test_effective_numbers_are_those_of_cui_and_others_in_proportion():
    counts = [500, 50, 5]
    effective = (1 - np.power(0.99, counts)) / (1 - 0.99)
    theirs = (1 / effective) / np.sum(1 / effective) * 3
    ours = effective_weights(counts, beta=0.99)
    np.testing.assert_allclose(ours / ours.sum(), theirs / theirs.sum())
    assert ours @ counts / sum(counts) == pytest.approx(1)


def test_ordinal_is_the_binary_cross_entropy_of_every_threshold():
    above = LOGITS.softmax(1).flip(1).cumsum(1).flip(1)[:, 1:]
    truth = (CLASSES[:, None] > torch.arange(4)).double()
    theirs = functional.binary_cross_entropy(above, truth, reduction="none").mean(1)
    torch.testing.assert_close(losses.ordinal(LOGITS, CLASSES), theirs)


def test_automatic_class_weights_are_scikit_learns():
    theirs = compute_class_weight("balanced", classes=np.arange(5), y=CLASSES.numpy())
    np.testing.assert_allclose(balanced_weights(FACTS.counts), theirs)


def test_over_all_rows_a_weighted_loss_is_torchs_weighted_mean():
    weights = torch.tensor([1.0, 5.0, 0.5, 2.0, 0.0], dtype=torch.float64)
    theirs = functional.cross_entropy(LOGITS, CLASSES, weight=weights)
    ours = built(class_weights=weights.tolist())(LOGITS, CLASSES).mean()
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=0)


def test_weights_of_labels_are_torchs_positive_weights_up_to_a_factor_per_label():
    facts = Facts.of("multilabel", LABELS.numpy())
    weights = torch.tensor([1.0, 3.0, 0.5, 2.0, 7.0], dtype=torch.float64)
    theirs = nn.BCEWithLogitsLoss(reduction="none", pos_weight=weights)(LOGITS, LABELS)
    share = LABELS.mean(0)
    theirs = (theirs / (share * weights + 1 - share)).mean(1)
    ours = built(facts, class_weights=weights.tolist())(LOGITS, LABELS)
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-7)
