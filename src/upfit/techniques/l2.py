"""L2 penalty: a cost on the square of every weight, in the loss itself."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from pydantic import Field
from torch import nn

from upfit.techniques.card import Card
from upfit.techniques.seams import Kept
from upfit.techniques.weights import learning_weights
from upfit.values import Value


def half_square(tensors: Iterable[torch.Tensor]) -> torch.Tensor:
    """Half the sum of all squares; a scalar whose gradient is the tensors themselves.

    Example:
        >>> half_square([torch.tensor([3.0, 4.0])]).item()
        12.5
    """
    return 0.5 * torch.stack([tensor.square().sum() for tensor in tensors]).sum()


class L2(Value):
    """The L2 penalty, coupled: it goes through the optimizer like any other gradient."""

    strength: float = Field(default=1e-4, ge=0, allow_inf_nan=False)

    def penalty(self, network: nn.Module, kept: Kept) -> torch.Tensor | None:
        """`strength` / 2 times the sum of squares of the weights that learn."""
        if not self.strength:
            return None
        return self.strength * half_square(learning_weights(network).values())


CARD = Card(
    name="l2",
    switch="techniques.l2={strength: 0.0001}",
    row="T3",
    what="Adds half the sum of squared weights to the loss; biases and norms are left alone.",
    when="With plain SGD, where it equals weight decay, and to repeat older results.",
    when_not="With Adam: it divides the penalty by the gradient's size, so that the weights with the largest "
    "gradients are decayed least. `optimizer.weight_decay` is decoupled from that.",
    combine="With everything; adds to `optimizer.weight_decay`, which is on by default.",
    source="Krogh and Hertz 1991; against it with Adam: Loshchilov and Hutter 2019",
    absent="techniques.l2={strength: 0}",
)
