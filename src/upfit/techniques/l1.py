"""L1 penalty: a cost on the size of every weight that drives the least useful ones to zero."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import nn

from upfit.techniques.card import Card
from upfit.techniques.seams import Kept
from upfit.techniques.weights import learning_weights
from upfit.values import Value


def l1_norm(network: nn.Module) -> torch.Tensor:
    """Sum of the absolute values of all weights that learn, biases and norms apart; a scalar.

    Example:
        >>> layer = nn.Linear(2, 1)
        >>> _ = nn.init.constant_(layer.weight, -2.0)
        >>> l1_norm(layer).item()
        4.0
    """
    return torch.stack(torch._foreach_norm(list(learning_weights(network).values()), 1)).sum()


class L1(Value):
    """The L1 penalty; `strength` multiplies the norm (Tibshirani 1996)."""

    strength: float = Field(default=1e-5, ge=0, allow_inf_nan=False)

    def penalty(self, network: nn.Module, kept: Kept) -> torch.Tensor | None:
        """`strength` times the norm."""
        return self.strength * l1_norm(network) if self.strength else None


CARD = Card(
    name="l1",
    switch="techniques.l1={strength: 0.00001}",
    row="T3",
    what="Adds the sum of the absolute weights to the loss; biases and norms are left alone.",
    when="A sparse head is wanted, or only few of the features matter: head-only training on little data.",
    when_not="All layers of a pretrained network are tuned: it pulls towards zero, away from what was "
    "learned.",
    combine="With everything. Its gradient goes through Adam's scaling, unlike weight decay.",
    source="Tibshirani 1996",
    absent="techniques.l1={strength: 0}",
)
