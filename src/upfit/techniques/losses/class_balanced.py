"""Class-balanced loss: weights from the effective number of examples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field

from upfit.techniques.card import Card
from upfit.techniques.losses.class_weights import mean_one
from upfit.techniques.losses.cross_entropy import cross_entropy
from upfit.techniques.losses.facts import Facts, LossFunction, PerClass
from upfit.techniques.losses.focal import focused
from upfit.values import Task, Value


def effective_weights(counts_K: Sequence[int], *, beta: float) -> npt.NDArray[np.float64]:
    """(K,) inverse effective numbers (1 - beta) / (1 - beta^n), their mean over the rows brought to 1.

    Args:
        counts_K: Training rows of each class; one without rows is weighed as if it had one.
        beta: 0 weighs all classes alike; towards 1 the weights approach the inverse of the counts.

    Example:
        >>> effective_weights([100, 100, 1], beta=0.9).round(2)
        array([0.96, 0.96, 9.57])
    """
    counts = np.maximum(np.asarray(counts_K, np.float64), 1)
    return mean_one((1 - beta) / (1 - beta**counts), counts_K)


class ClassBalanced(Value):
    """Cross-entropy (or with `gamma` focal loss) weighted by effective numbers."""

    tasks: ClassVar[tuple[Task, ...]] = ("binary", "multiclass")
    beta: Annotated[float, Field(ge=0, lt=1)] = 0.999
    gamma: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0

    def build(self, facts: Facts) -> LossFunction:
        """The function that the loop calls."""
        weights = PerClass(effective_weights(facts.counts, beta=self.beta), absent=1.0)

        def class_balanced(logits_BK: torch.Tensor, targets_B: torch.Tensor) -> torch.Tensor:
            losses_B = cross_entropy(logits_BK, targets_B, label_smoothing=self.label_smoothing)
            losses_B = focused(losses_B, self.gamma) if self.gamma else losses_B
            return losses_B * weights.like(logits_BK)[targets_B]

        return class_balanced


CARD = Card(
    name="class_balanced",
    switch="loss.name=class_balanced",
    absent="loss={name: class_balanced, beta: 0, label_smoothing: 0.1}",
    row="T5",
    what="Weighs each class by one over its effective number of examples (1 - beta^n) / (1 - beta), since "
    "the thousandth example of a class adds less than the tenth.",
    when="Long-tailed classes, where weights by plain inverse counts overshoot.",
    when_not="Classes are about equal, or plain accuracy on data as skewed is what counts.",
    combine="Refused with class weights and with balanced samplers, which correct the same thing. "
    "Judge by balanced_accuracy or macro_f1.",
    source="Cui et al. 2019",
)
