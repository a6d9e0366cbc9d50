"""Generalised cross-entropy: between cross-entropy and absolute error, for wrong labels."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

import torch
from pydantic import Field
from torch.nn import functional

from upfit.techniques.card import Card
from upfit.techniques.losses.facts import Facts, LossFunction
from upfit.values import Task, Value


def generalised_cross_entropy(
    logits_BK: torch.Tensor, targets_B: torch.Tensor, *, q: float = 0.7
) -> torch.Tensor:
    """(1 - p^q) / q (B,), where p is the probability of the labelled class.

    Args:
        logits_BK: (B, K).
        targets_B: (B,) class indices.
        q: 0 is cross-entropy; 1 is 1 - p, which no single wrong label can pull far.

    Example:
        >>> generalised_cross_entropy(torch.zeros(1, 2), torch.tensor([0]), q=1.0)
        tensor([0.5000])
    """
    entropies_B = functional.cross_entropy(logits_BK, targets_B, reduction="none")
    return -torch.expm1(-q * entropies_B) / q if q else entropies_B


class GeneralisedCrossEntropy(Value):
    """Generalised cross-entropy; `q` 0 is cross-entropy."""

    tasks: ClassVar[tuple[Task, ...]] = ("binary", "multiclass")
    q: float = Field(default=0.7, ge=0, le=1)

    def build(self, facts: Facts) -> LossFunction:
        """The function that the loop calls."""
        return partial(generalised_cross_entropy, q=self.q)


CARD = Card(
    name="generalised_cross_entropy",
    switch="loss.name=generalised_cross_entropy",
    row="T5",
    what="(1 - p^q) / q: bounded, so that a wrong label cannot cost more than 1/q.",
    when="A tenth or more of the labels is wrong, and the run is long; leaving out wrong rows comes first.",
    when_not="Labels are clean, or steps few: it learns hard examples slowly, the more so with many classes.",
    combine="With class weights and mixup; refuses label smoothing.",
    source="Zhang and Sabuncu 2018",
)
