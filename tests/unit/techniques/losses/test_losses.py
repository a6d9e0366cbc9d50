"""Every loss: shapes, gradients at extreme logits, numbers on record, and strength zero is absence."""

from __future__ import annotations

import pytest
import torch

from upfit.errors import InputError
from upfit.techniques import losses
from upfit.techniques.losses import LOSSES, Facts, build, fitting
from upfit.values.loss import Loss

GENERATOR = torch.Generator().manual_seed(0)
CLASSES = torch.tensor([0, 1, 2, 2, 2, 1, 2, 2])
LABELS = torch.tensor([[1, 0, 1], [0, 0, 1], [1, 1, 0], [0, 0, 1]] * 2).float()
VALUES = torch.linspace(-2, 2, 8)
TARGETS = {"multiclass": CLASSES, "binary": CLASSES.clamp(max=1), "multilabel": LABELS, "regression": VALUES}
OUTPUTS = {"multiclass": 3, "binary": 2, "multilabel": 3, "regression": 1}
FACTS = {task: Facts.of(task, targets.numpy()) for task, targets in TARGETS.items()}
EVERY = [(task, name) for task in TARGETS for name in fitting(task)]
WEIGHED = [
    (task, name, weights)
    for task, name in EVERY
    for weights in ("none", "auto")
    if weights == "none" or (task != "regression" and name not in ("class_balanced", "logit_adjusted"))
]
LOGITS = {task: torch.randn(8, count, generator=GENERATOR) for task, count in OUTPUTS.items()}


def built(task, **loss):
    return build(Loss(**loss), FACTS[task])


def test_every_loss_fits_some_task():
    assert {name for _, name in EVERY} == set(LOSSES)


@pytest.mark.parametrize(("task", "name"), EVERY)
def test_one_finite_loss_per_example_and_a_gradient(task, name):
    logits = LOGITS[task].clone().requires_grad_()
    found = built(task, name=name)(logits, TARGETS[task])
    assert found.shape == (8,)
    assert found.isfinite().all()
    assert (found > -1e-6).all()
    [gradient] = torch.autograd.grad(found.sum(), logits)
    assert gradient.abs().sum() > 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("scale", [0.0, 1e4])
@pytest.mark.parametrize(("task", "name", "weights"), WEIGHED)
def test_losses_and_gradients_are_finite_at_extreme_logits(task, name, weights, scale, dtype):
    settings = {"gamma": 0.5} if name == "focal" else {}
    loss = built(task, name=name, class_weights=weights, **settings)
    for sign in (-1, 1):
        logits = (sign * scale * LOGITS[task].sign()).to(dtype).requires_grad_()
        found = loss(logits, TARGETS[task])
        [gradient] = torch.autograd.grad(found.sum(), logits)
        assert found.isfinite().all()
        assert gradient.isfinite().all()


@pytest.mark.parametrize(("task", "name", "weights"), WEIGHED)
def test_each_example_has_its_own_loss_whatever_batch_it_is_in(task, name, weights):
    """What accumulation rests on: the mean over a batch is a sum over any cut of it."""
    loss = built(task, name=name, class_weights=weights)
    whole = loss(LOGITS[task], TARGETS[task])
    for size in (1, 3, 4):
        parts = zip(LOGITS[task].split(size), TARGETS[task].split(size), strict=True)
        torch.testing.assert_close(torch.cat([loss(*part) for part in parts]), whole)


NOTHING = {
    "focal": {"gamma": 0},
    "class_balanced": {"beta": 0},
    "logit_adjusted": {"tau": 0},
    "ldam": {"margin": 0},
    "generalised_cross_entropy": {"q": 0},
    "symmetric_cross_entropy": {"alpha": 1, "beta": 0},
    "cross_entropy": {"label_smoothing": 0},
}


@pytest.mark.parametrize("name", NOTHING)
@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_at_strength_zero_it_is_cross_entropy(task, name):
    plain = losses.cross_entropy(LOGITS[task], TARGETS[task])
    assert torch.equal(built(task, name=name, **NOTHING[name])(LOGITS[task], TARGETS[task]), plain)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("focal", {"gamma": 0}),
        ("asymmetric", {"gamma_positive": 0, "gamma_negative": 0, "clip": 0}),
        ("binary_cross_entropy", {"label_smoothing": 0}),
    ],
)
def test_at_strength_zero_it_is_binary_cross_entropy(name, settings):
    plain = losses.binary_cross_entropy(LOGITS["multilabel"], LABELS)
    found = built("multilabel", name=name, **settings)(LOGITS["multilabel"], LABELS)
    torch.testing.assert_close(found, plain)


def test_at_their_limits_regression_losses_are_squares_and_absolutes():
    outputs = LOGITS["regression"]
    square, absolute = losses.squared_error(outputs, VALUES), losses.absolute_error(outputs, VALUES)
    torch.testing.assert_close(2 * losses.huber(outputs, VALUES, delta=1e6), square)
    torch.testing.assert_close(
        losses.huber(outputs, VALUES, delta=1e-6) / 1e-6, absolute, rtol=1e-4, atol=1e-5
    )
    torch.testing.assert_close(2 * losses.quantile_loss(outputs, VALUES, quantile=0.5), absolute)
    torch.testing.assert_close(
        2e6 * losses.log_cosh(outputs * 1e-3, VALUES * 1e-3), square, rtol=0.3, atol=0.3
    )


def test_for_two_classes_ordinal_is_cross_entropy():
    logits, targets = LOGITS["binary"], TARGETS["binary"]
    torch.testing.assert_close(losses.ordinal(logits, targets), losses.cross_entropy(logits, targets))


def test_ordinal_blames_a_far_miss_more_than_a_near_one_and_cross_entropy_does_not():
    near, far = torch.tensor([[0.0, 6.0, 0.0, 0.0]]), torch.tensor([[0.0, 0.0, 0.0, 6.0]])
    truth = torch.tensor([0])
    assert losses.ordinal(far, truth) > 2 * losses.ordinal(near, truth)
    torch.testing.assert_close(losses.cross_entropy(far, truth), losses.cross_entropy(near, truth))


def test_ordinal_in_an_order_that_is_given_is_that_of_the_classes_moved_into_it():
    facts = Facts("multiclass", ("bad", "fair", "awful"), (1, 2, 5), 8)
    ours = build(Loss(name="ordinal", order=["awful", "bad", "fair"]), facts)(LOGITS["multiclass"], CLASSES)
    moved = torch.tensor([1, 2, 0])[CLASSES]
    torch.testing.assert_close(ours, losses.ordinal(LOGITS["multiclass"][:, [2, 0, 1]], moved))


def test_ordinal_takes_numbers_in_their_order():
    facts = Facts("multiclass", ("10", "2", "1"), (1, 2, 5), 8)
    ours = build(Loss(name="ordinal"), facts)(LOGITS["multiclass"], CLASSES)
    moved = torch.tensor([2, 1, 0])[CLASSES]
    torch.testing.assert_close(ours, losses.ordinal(LOGITS["multiclass"].flip(1), moved))


def test_a_minimum_of_the_quantile_loss_is_the_quantile():
    values = torch.arange(101).float()
    answers = torch.arange(101).float()
    costs = [losses.quantile_loss(answer.expand(101, 1), values, quantile=0.9).mean() for answer in answers]
    assert int(torch.stack(costs).argmin()) == 90


@pytest.mark.parametrize("name", ["cross_entropy", "ordinal"])
def test_proper_losses_are_least_at_the_true_probabilities(name):
    truth = torch.tensor([0.2, 0.5, 0.3], dtype=torch.float64)
    loss = built("multiclass", name=name)

    def expected(logits):
        each = loss(logits.expand(3, 3), torch.arange(3))
        return (truth * each).sum()

    logits = truth.log().requires_grad_()
    [gradient] = torch.autograd.grad(expected(logits), logits)
    torch.testing.assert_close(gradient, torch.zeros_like(gradient), atol=1e-9, rtol=0)


def test_rare_classes_get_the_wider_margins_and_the_larger_weights():
    even = torch.zeros(2, 3)
    for name in ("ldam", "class_balanced", "logit_adjusted"):
        rare, frequent = built("multiclass", name=name)(even, torch.tensor([0, 2]))
        assert rare > frequent, name


def test_wrong_labels_pull_less_with_the_losses_for_noise():
    sure_and_wrong = torch.tensor([[0.0, 9.0]], requires_grad=True)
    pulls = {}
    for name in ("cross_entropy", "generalised_cross_entropy"):
        found = built("binary", name=name)(sure_and_wrong, torch.tensor([0]))
        pulls[name] = float(torch.autograd.grad(found.sum(), sure_and_wrong)[0].abs().sum())
    assert pulls["generalised_cross_entropy"] < 0.05 * pulls["cross_entropy"]


@pytest.mark.parametrize(("task", "name"), EVERY)
def test_losses_are_those_on_record(task, name):
    found = built(task, name=name)(RECORDED[task], TARGETS[task])
    assert float(found.mean()) == pytest.approx(ON_RECORD[task][name], abs=2e-5)


RECORDED = {
    task: torch.sin(torch.arange(8 * count).float()).view(8, count) * 2 for task, count in OUTPUTS.items()
}
ON_RECORD = {
    "multiclass": {
        "cross_entropy": 1.77531,
        "focal": 1.42879,
        "class_balanced": 2.03027,
        "logit_adjusted": 1.42105,
        "ldam": 2.04796,
        "ordinal": 1.11598,
        "generalised_cross_entropy": 0.85166,
        "symmetric_cross_entropy": 4.48891,
    },
    "binary": {
        "cross_entropy": 1.06865,
        "focal": 0.59586,
        "class_balanced": 1.40429,
        "logit_adjusted": 0.66591,
        "ldam": 1.27714,
        "ordinal": 1.06865,
        "generalised_cross_entropy": 0.68542,
        "symmetric_cross_entropy": 3.40133,
    },
    "multilabel": {"binary_cross_entropy": 1.17181, "focal": 0.7108, "asymmetric": 0.59957},
    "regression": {
        "squared_error": 4.56527,
        "absolute_error": 1.95037,
        "huber": 1.4682,
        "log_cosh": 1.32958,
        "quantile": 0.97518,
    },
}


@pytest.mark.parametrize("name", fitting("regression"))
def test_targets_in_a_column_are_refused_instead_of_broadcast(name):
    found = built("regression", name=name)
    with pytest.raises(InputError, match=r"one output for each target(.|\n)*targets.squeeze\(1\)"):
        found(LOGITS["regression"], VALUES[:, None])
    with pytest.raises(InputError, match=r"outputs \(8,\) and targets \(8,\)(.|\n)*reshape"):
        found(LOGITS["regression"][:, 0], VALUES)
