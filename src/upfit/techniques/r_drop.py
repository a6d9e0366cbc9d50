"""R-Drop: two passes with different dropout have to say the same."""

from __future__ import annotations

import torch
from pydantic import Field

from upfit.techniques.card import Card
from upfit.techniques.seams import Again, Batch
from upfit.values import Value


def disagreement(one_BK: torch.Tensor, other_BK: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """How far two outputs for the same examples are apart (B,), each example's target saying in which sense.

    Classes (target (B,) of whole numbers): the mean of both Kullback-Leibler divergences. Labels (target
    (B, K)): the same for each label, averaged. Values (target (B,) of real numbers): the squared difference.

    Example:
        >>> disagreement(torch.tensor([[0.0, 0.0]]), torch.tensor([[2.0, 0.0]]), torch.tensor([1]))
        tensor([0.3808])
    """
    apart_BK = one_BK - other_BK
    if target.ndim > 1:
        # Log-odds differ by the logits, so both divergences together are this product, halved for the mean.
        return 0.5 * ((one_BK.sigmoid() - other_BK.sigmoid()) * apart_BK).mean(1)
    if target.is_floating_point():
        return apart_BK.square().mean(1)
    return 0.5 * ((one_BK.softmax(1) - other_BK.softmax(1)) * apart_BK).sum(1)


class RDrop(Value):
    """R-Drop; `alpha` is the paper's. The loss is half of the paper's, so that it stands beside others."""

    alpha: float = Field(default=1.0, ge=0, allow_inf_nan=False)

    def on_loss(
        self, again: Again, batch: Batch, logits_BK: torch.Tensor, losses_B: torch.Tensor
    ) -> torch.Tensor:
        """The mean loss of both passes, plus `alpha` / 2 times their disagreement."""
        if not self.alpha:
            return losses_B
        other_BK, others_B = again()
        apart_B = disagreement(logits_BK, other_BK, batch["target"])
        return 0.5 * (losses_B + others_B) + 0.5 * self.alpha * apart_B


CARD = Card(
    name="r_drop",
    switch="techniques.r_drop={alpha: 1.0}",
    row="T3",
    what="Runs each batch twice with different dropout and adds how far the two outputs are apart to the "
    "loss.",
    when="Small text tasks with dropout in the backbone.",
    when_not="Time is short: a step costs twice as much.",
    combine="Needs something random in the network (`layers.dropout`, `head.dropout`, stochastic_depth, "
    "neftune) and is refused without.",
    source="Liang et al. 2021",
    absent="techniques.r_drop={alpha: 0}",
)
