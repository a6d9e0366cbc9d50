"""Class weights: how much a row of each class counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch

from upfit.errors import RecipeError, nearest
from upfit.techniques.card import Card
from upfit.techniques.losses.facts import Facts, LossFunction, PerClass

Given = Literal["none", "auto"] | Mapping[str, float] | Sequence[float]


def balanced_weights(counts_K: Sequence[int]) -> npt.NDArray[np.float64]:
    """(K,) weights in inverse proportion to the counts; a class without rows gets 1.

    scikit-learn's `compute_class_weight("balanced")` where every class has rows.

    Example:
        >>> balanced_weights([90, 10]).round(3)
        array([0.556, 5.   ])
    """
    counts = np.asarray(counts_K, np.float64)
    inverse = np.divide(1.0, counts, out=np.ones_like(counts), where=counts > 0)
    return np.where(counts > 0, mean_one(inverse, counts_K), 1.0)


def mean_one(weights_K: npt.ArrayLike, counts_K: Sequence[int]) -> npt.NDArray[np.float64]:
    """(K,) weights scaled so that their mean over the training rows is 1.

    Then the mean loss of a batch is the sum of weighted losses over the number of examples, whatever
    micro-batches it comes in, and the learning rate keeps its meaning. torch's `cross_entropy` divides by
    the weights in the batch instead, which makes a step depend on how its batch is cut up.

    Raises:
        RecipeError: All training rows have weight 0.
    """
    weights, counts = np.asarray(weights_K, np.float64), np.asarray(counts_K, np.float64)
    total = float(weights @ counts)
    if total <= 0:
        raise RecipeError("loss.class_weights gives every training row the weight 0")
    return np.asarray(weights * (counts.sum() / total))


def with_class_weights(function: LossFunction, given: Given, facts: Facts) -> LossFunction:
    """The loss with each row weighted by its class, or each answer by its label.

    Args:
        function: (logits, targets) → (B,); for multilabel it takes `weights_BK` too.
        given: `none`, `auto` (balanced), weights by name of class (1 where it is not named), or all in
            order. For multilabel, the weight of rows that have a label against those that lack it.
        facts: Counts of the training rows.

    Raises:
        RecipeError: An unknown class, a wrong number of weights, or regression.
    """
    if isinstance(given, str) and given == "none":
        return function
    if facts.task == "regression":
        raise RecipeError("loss.class_weights is for classes, and this is regression", expected="none")
    if facts.task == "multilabel":
        return _by_label(function, given, facts)
    numbers = PerClass(class_weights(given, facts), absent=1.0)

    def weighted(logits_BK: torch.Tensor, targets_B: torch.Tensor) -> torch.Tensor:
        return function(logits_BK, targets_B) * numbers.like(logits_BK)[targets_B]

    return weighted


def class_weights(given: Given, facts: Facts) -> npt.NDArray[np.float64]:
    """(K,) weights of classes that exclude each other; their mean over the training rows is 1."""
    if isinstance(given, str):
        return balanced_weights(facts.counts)
    return mean_one(_ordered(given, facts.classes), facts.counts)


def label_weights(given: Given, facts: Facts) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """(K,) weights of rows with a label and (K,) of rows without; the mean over rows is 1 for every label.

    The first over the second is the `pos_weight` of torch's `BCEWithLogitsLoss`.
    """
    present = np.asarray(facts.counts, np.float64)
    absent = facts.rows - present
    if isinstance(given, str):
        # A label that never varies has nothing to balance.
        varies = (present > 0) & (absent > 0)
        ratio = np.divide(absent, present, out=np.ones_like(present), where=varies)
    else:
        ratio = _ordered(given, facts.classes)
    total = present * ratio + absent
    other = np.divide(facts.rows, total, out=np.ones_like(total), where=total > 0)
    return ratio * other, other


def _by_label(function: LossFunction, given: Given, facts: Facts) -> LossFunction:
    present, absent = (PerClass(weights, absent=1.0) for weights in label_weights(given, facts))

    def weighted(logits_BK: torch.Tensor, targets_BK: torch.Tensor) -> torch.Tensor:
        has = targets_BK > 0.5
        weights_BK = torch.where(has, present.like(logits_BK), absent.like(logits_BK))
        return function(logits_BK, targets_BK, weights_BK=weights_BK)  # type: ignore[call-arg]

    return weighted


def _ordered(
    given: Mapping[str, float] | Sequence[float], classes: tuple[str, ...]
) -> npt.NDArray[np.float64]:
    """(K,) weights in the order of the classes."""
    if not isinstance(given, Mapping):
        if len(given) != len(classes):
            raise RecipeError(
                "loss.class_weights has to have one weight per class",
                expected=f"{len(classes)}: {', '.join(classes[:12])}",
                got=str(len(given)),
            )
        return np.asarray(given, np.float64)
    strange = next((name for name in given if name not in classes), None)
    if strange is not None:
        raise RecipeError(
            f"loss.class_weights: there is no class {strange!r}",
            expected=", ".join(classes[:12]) + (", …" if len(classes) > 12 else ""),
            hint=nearest(strange, classes),
        )
    return np.array([given.get(name, 1.0) for name in classes], np.float64)


CARD = Card(
    name="class_weights",
    switch="loss.class_weights=",
    example="loss.class_weights=auto",
    absent="loss.class_weights={}",
    row="T5",
    what="Multiplies the loss of a row by the weight of its class; `auto` gives all classes the same say. "
    "Weights are scaled to a mean of 1 over the training rows.",
    when="Classes are unequal and the rare ones matter: balanced_accuracy or macro_f1 is what counts.",
    when_not="Plain accuracy on data as skewed as the training data is all that counts; very few rare rows.",
    combine="With cross_entropy, binary_cross_entropy, focal, ldam, asymmetric, ordinal and the losses for "
    "noisy labels. `auto` is refused with balanced samplers, which correct the same thing.",
    source="King and Zeng 2001; scikit-learn's class_weight",
)
