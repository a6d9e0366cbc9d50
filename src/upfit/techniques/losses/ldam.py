"""LDAM: wider margins for rarer classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field
from torch.nn import functional

from upfit.techniques.card import Card
from upfit.techniques.losses.facts import Facts, LossFunction, PerClass
from upfit.values import Task, Value


def margins(counts_K: Sequence[int], *, margin: float) -> npt.NDArray[np.float64]:
    """(K,) margins in logits, proportional to n^(-1/4), the rarest class's being `margin`.

    Example:
        >>> margins([10_000, 16, 1], margin=0.5)
        array([0.05, 0.25, 0.5 ])
    """
    raw = np.maximum(np.asarray(counts_K, np.float64), 1) ** -0.25
    return np.asarray(raw * (margin / raw.max()))


def ldam(logits_BK: torch.Tensor, targets_B: torch.Tensor, *, margins_K: torch.Tensor) -> torch.Tensor:
    """Cross-entropy (B,) with the margin of its class taken off the right logit.

    The paper multiplies cosine logits by a scale of 30; heads here are linear, and learn their scale.

    Example:
        >>> ldam(torch.tensor([[0.5, 0.0]]), torch.tensor([0]), margins_K=torch.tensor([0.5, 0.1]))
        tensor([0.6931])
    """
    right_BK = functional.one_hot(targets_B, logits_BK.shape[1]).to(logits_BK.dtype)
    return functional.cross_entropy(logits_BK - right_BK * margins_K, targets_B, reduction="none")


class Ldam(Value):
    """Label-distribution-aware margins; `margin` is the rarest class's, in logits; 0 is cross-entropy."""

    tasks: ClassVar[tuple[Task, ...]] = ("binary", "multiclass")
    margin: float = Field(default=0.5, ge=0, allow_inf_nan=False)

    def build(self, facts: Facts) -> LossFunction:
        """The function that the loop calls."""
        wide = margins(facts.counts, margin=self.margin)
        numbers = PerClass(wide, absent=self.margin)

        def with_margins(logits_BK: torch.Tensor, targets_B: torch.Tensor) -> torch.Tensor:
            return ldam(logits_BK, targets_B, margins_K=numbers.like(logits_BK))

        return with_margins


CARD = Card(
    name="ldam",
    switch="loss.name=ldam",
    row="T5",
    what="Demands a margin of the right logit that grows as n^(-1/4) with the rarity of its class.",
    when="Long-tailed classes, together with class weights or a balanced sampler late in training.",
    when_not="Classes are about equal; or probabilities have to be calibrated.",
    combine="With class weights and samplers; refuses label smoothing.",
    source="Cao et al. 2019, equation 13 with scale 1",
)
