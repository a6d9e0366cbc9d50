"""Focal loss: less weight for what the model already gets right."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

import torch
from pydantic import Field
from torch.nn import functional

from upfit.techniques.card import Card
from upfit.techniques.losses.facts import Facts, LossFunction
from upfit.values import Task, Value

LEAST = 1e-8
"""Below this distance from certainty the factor stays put: x^gamma has no finite slope at 0 for gamma < 1."""


def focused(losses: torch.Tensor, gamma: float) -> torch.Tensor:
    """(1 - p)^gamma · loss, where p = exp(-loss) is the probability of the right answer; any shape."""
    return (-torch.expm1(-losses)).clamp_min(LEAST).pow(gamma) * losses


def focal_loss(logits_BK: torch.Tensor, targets_B: torch.Tensor, *, gamma: float = 2.0) -> torch.Tensor:
    """Focal loss (B,) of classes that exclude each other: (1 - p)^gamma times the cross-entropy.

    Args:
        logits_BK: (B, K).
        targets_B: (B,) class indices.
        gamma: 0 is cross-entropy; the larger, the less an easy example counts.

    Example:
        >>> focal_loss(torch.tensor([[0.0, 0.0]]), torch.tensor([1]), gamma=2.0)
        tensor([0.1733])
    """
    return focused(functional.cross_entropy(logits_BK, targets_B, reduction="none"), gamma)


def binary_focal_loss(
    logits_BK: torch.Tensor,
    targets_BK: torch.Tensor,
    *,
    gamma: float = 2.0,
    weights_BK: torch.Tensor | None = None,
) -> torch.Tensor:
    """Mean over K independent labels of the focal loss (B,).

    The numbers of `torchvision.ops.sigmoid_focal_loss`, whose gradient at gamma < 1 is NaN for sure answers.
    """
    entropies_BK = functional.binary_cross_entropy_with_logits(
        logits_BK, targets_BK.to(logits_BK.dtype), reduction="none"
    )
    losses_BK = focused(entropies_BK, gamma)
    return (losses_BK if weights_BK is None else losses_BK * weights_BK).mean(dim=1)


class Focal(Value):
    """Focal loss; `gamma` 0 is cross-entropy. The paper's alpha is `loss.class_weights`."""

    tasks: ClassVar[tuple[Task, ...]] = ("binary", "multiclass", "multilabel")
    gamma: float = Field(default=2.0, ge=0, allow_inf_nan=False)

    def build(self, facts: Facts) -> LossFunction:
        """The function that the loop calls."""
        return partial(binary_focal_loss if facts.task == "multilabel" else focal_loss, gamma=self.gamma)


CARD = Card(
    name="focal",
    switch="loss.name=focal",
    row="T5",
    what="Cross-entropy times (1 - p)^gamma: examples that are right already hardly count.",
    when="Easy examples are in such a majority that they drown the hard ones, as in detection.",
    when_not="Labels are noisy: wrong labels are the hardest examples of all. Small data: it slows learning.",
    combine="With class weights (the paper's alpha); refuses label smoothing.",
    source="Lin et al. 2017",
)
