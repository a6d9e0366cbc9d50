"""Symmetric cross-entropy: cross-entropy both ways round, for wrong labels."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

import torch
from pydantic import Field
from torch.nn import functional

from upfit.techniques.card import Card
from upfit.techniques.losses.facts import Facts, LossFunction
from upfit.values import Task, Value

LOG_ZERO = -4.0
"""What the paper takes for the logarithm of zero."""


def symmetric_cross_entropy(
    logits_BK: torch.Tensor, targets_B: torch.Tensor, *, alpha: float = 1.0, beta: float = 1.0
) -> torch.Tensor:
    """alpha · cross-entropy + beta · reverse cross-entropy (B,).

    The reverse, -Σ p log y with log 0 = -4, is 4 (1 - p) of the labelled class.

    Example:
        >>> symmetric_cross_entropy(torch.zeros(1, 2), torch.tensor([0]), alpha=0.0, beta=1.0)
        tensor([2.])
    """
    entropies_B = functional.cross_entropy(logits_BK, targets_B, reduction="none")
    return alpha * entropies_B + beta * LOG_ZERO * torch.expm1(-entropies_B)


class SymmetricCrossEntropy(Value):
    """Symmetric cross-entropy; `beta` 0 with `alpha` 1 is cross-entropy."""

    tasks: ClassVar[tuple[Task, ...]] = ("binary", "multiclass")
    alpha: float = Field(default=1.0, ge=0, allow_inf_nan=False)
    beta: float = Field(default=1.0, ge=0, allow_inf_nan=False)

    def build(self, facts: Facts) -> LossFunction:
        """The function that the loop calls."""
        return partial(symmetric_cross_entropy, alpha=self.alpha, beta=self.beta)


CARD = Card(
    name="symmetric_cross_entropy",
    switch="loss.name=symmetric_cross_entropy",
    row="T5",
    what="Adds the reverse cross-entropy, which is bounded: no absurd label can pull far.",
    when="Some labels are wrong, and plain cross-entropy learns them by heart.",
    when_not="Labels are clean, or steps few and classes many.",
    combine="With class weights and mixup; refuses label smoothing.",
    source="Wang et al. 2019",
)
