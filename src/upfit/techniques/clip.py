"""Gradient clipping by global norm."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from pydantic import Field
from torch import nn

from upfit.techniques.card import Card
from upfit.values import Value


def clip_gradients(parameters: Sequence[nn.Parameter], norm: float) -> torch.Tensor:
    """Scale all gradients together so that their L2 norm is at most `norm`; returns the norm before.

    Source: Pascanu et al. 2013; `torch.nn.utils.clip_grad_norm_` does the work.
    """
    return torch.nn.utils.clip_grad_norm_(parameters, norm)


class Clip(Value):
    """Keeps one bad batch from throwing the weights away; `norm` is the greatest L2 norm allowed."""

    norm: float = Field(default=1.0, gt=0)

    def on_grads(
        self, parameters: Sequence[nn.Parameter], rng: torch.Generator, progress: float
    ) -> torch.Tensor:
        """Clip in place; the norm before clipping."""
        return clip_gradients(parameters, self.norm)


CARD = Card(
    name="clip",
    switch="techniques.clip={norm: 1.0}",
    row="T3",
    what="Scales all gradients together so that their norm is at most this. On by default.",
    when="Always: near 1 it is harmless, and keeps one bad batch from throwing the weights away.",
    when_not="Far below the usual norm it is a hidden, smaller rate.",
    combine="With everything. What stands after it in the list (gradient_noise) is not clipped.",
    source="Pascanu, Mikolov and Bengio 2013",
    absent="techniques.clip={norm: 1000000000}",
)
