"""Binary cross-entropy over independent labels: the default of multilabel tasks."""

from __future__ import annotations

from functools import partial
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch.nn import functional

from upfit.techniques.card import Card
from upfit.techniques.losses.facts import Facts, LossFunction
from upfit.techniques.losses.label_smoothing import smooth_labels
from upfit.values import Task, Value


def binary_cross_entropy(
    logits_BK: torch.Tensor,
    targets_BK: torch.Tensor,
    *,
    label_smoothing: float = 0.0,
    weights_BK: torch.Tensor | None = None,
) -> torch.Tensor:
    """Mean over K independent labels of the binary cross-entropy (B,); smoothing pulls towards 1/2.

    Args:
        logits_BK: (B, K).
        targets_BK: (B, K) of 0 and 1.
        label_smoothing: 0 becomes s/2, 1 becomes 1 - s/2.
        weights_BK: (B, K) weight of each answer.

    Example:
        >>> binary_cross_entropy(torch.zeros(1, 3), torch.tensor([[0.0, 1.0, 1.0]])).exp().round().tolist()
        [2.0]
    """
    smoothed_BK = smooth_labels(targets_BK, label_smoothing)
    losses_BK = functional.binary_cross_entropy_with_logits(
        logits_BK, smoothed_BK.to(logits_BK.dtype), weight=weights_BK, reduction="none"
    )
    return losses_BK.mean(dim=1)


class BinaryCrossEntropy(Value):
    """Binary cross-entropy with its label smoothing."""

    tasks: ClassVar[tuple[Task, ...]] = ("multilabel",)
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0

    def build(self, facts: Facts) -> LossFunction:
        """The function that the loop calls."""
        return partial(binary_cross_entropy, label_smoothing=self.label_smoothing)


CARD = Card(
    name="binary_cross_entropy",
    switch="loss.name=binary_cross_entropy",
    row="T5",
    what="One yes-or-no cross-entropy per label, averaged over labels: the default of multilabel tasks.",
    when="Start here; every label's probability comes out calibrated.",
    when_not="Most labels are absent from most rows: then the many easy absences drown the presences.",
    combine="With class weights and label smoothing.",
    source="torch.nn.functional.binary_cross_entropy_with_logits",
    unmeasured="the default: the gains of other cards are differences from it",
)
