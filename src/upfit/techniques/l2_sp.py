"""L2-SP: a cost on the distance from the weights that training started with."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import nn

from upfit.techniques.card import Card
from upfit.techniques.l2 import half_square
from upfit.techniques.seams import Kept
from upfit.techniques.weights import learning_weights
from upfit.values import Value

HEAD = "head."
"""How a network of ours calls the fresh layers, which have no pretrained weights to be pulled to."""


def half_square_distance(network: nn.Module, start: Kept) -> torch.Tensor:
    """Half the squared distance between weights that learn now and their namesakes in `start`; a scalar.

    Example:
        >>> layer = nn.Linear(2, 1)
        >>> half_square_distance(layer, {"weight": layer.weight.detach() + 1}).item()
        1.0
    """
    # Those that gradual unfreezing has not reached yet are where they started.
    weights = learning_weights(network).items()
    moved = [weight - start[name] for name, weight in weights if name in start]
    return half_square(moved) if moved else next(network.parameters()).new_zeros(())


class L2Sp(Value):
    """Pulls pretrained weights towards where they started, and the head's towards zero (alpha and beta)."""

    strength: float = Field(default=0.01, ge=0, allow_inf_nan=False)
    head: float = Field(default=0.01, ge=0, allow_inf_nan=False)

    def init(self, network: nn.Module) -> Kept:
        """The starting weights of everything below the head."""
        if not self.strength:
            return {}
        pretrained = {n: p for n, p in learning_weights(network).items() if not n.startswith(HEAD)}
        return {name: parameter.detach().clone() for name, parameter in pretrained.items()}

    def penalty(self, network: nn.Module, kept: Kept) -> torch.Tensor | None:
        """Both terms."""
        fresh = [p for name, p in learning_weights(network).items() if name.startswith(HEAD)]
        terms = [self.strength * half_square_distance(network, kept)] if kept else []
        terms += [self.head * half_square(fresh)] if fresh and self.head else []
        return torch.stack(terms).sum() if terms else None


CARD = Card(
    name="l2_sp",
    switch="techniques.l2_sp={strength: 0.01}",
    row="T3",
    what="Adds half the squared distance from the starting weights to the loss, and for the head half its "
    "squares.",
    when="Little data and a backbone whose pretraining fits the task: it may adapt, but not forget.",
    when_not="The domain is far from the pretraining, or only the head learns (nothing to stay close to).",
    combine="With everything. Weight decay pulls to zero at the same time: lower it. Keeps a copy of the "
    "weights.",
    source="Li, Grandvalet and Davoine 2018",
    absent="techniques.l2_sp={strength: 0, head: 0}",
)
