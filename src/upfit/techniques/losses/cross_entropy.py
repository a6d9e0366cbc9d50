"""Cross-entropy: the default of classes that exclude each other."""

from __future__ import annotations

from functools import partial
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch.nn import functional

from upfit.techniques.card import Card
from upfit.techniques.losses.facts import Facts, LossFunction
from upfit.values import Task, Value


def cross_entropy(
    logits_BK: torch.Tensor, targets_B: torch.Tensor, *, label_smoothing: float = 0.0
) -> torch.Tensor:
    """Cross-entropy (B,) in nats; smoothing spreads a fraction over all classes (Szegedy et al. 2016).

    Args:
        logits_BK: (B, K).
        targets_B: (B,) class indices.
        label_smoothing: Fraction of each target that is spread evenly over all K classes.

    Example:
        >>> cross_entropy(torch.zeros(1, 4), torch.tensor([2])).exp().round().tolist()
        [4.0]
    """
    return functional.cross_entropy(logits_BK, targets_B, reduction="none", label_smoothing=label_smoothing)


class CrossEntropy(Value):
    """Cross-entropy with its label smoothing."""

    tasks: ClassVar[tuple[Task, ...]] = ("binary", "multiclass")
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0

    def build(self, facts: Facts) -> LossFunction:
        """The function that the loop calls."""
        return partial(cross_entropy, label_smoothing=self.label_smoothing)


CARD = Card(
    name="cross_entropy",
    switch="loss.name=cross_entropy",
    row="T5",
    what="The negative log-probability of the right class: the default of classes that exclude each other.",
    when="Start here; probabilities come out calibrated on data like those of the training.",
    when_not="Classes are very unequal and the rare ones matter, or many labels are wrong.",
    combine="With class weights, label smoothing, mixup and every sampler.",
    source="Good 1952; torch.nn.functional.cross_entropy",
)
