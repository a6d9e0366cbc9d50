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

    Source: Pascanu et al. 2013; what `torch.nn.utils.clip_grad_norm_` does, bit for bit.
    """
    grads = [parameter.grad for parameter in parameters if parameter.grad is not None]
    total = torch.nn.utils.get_total_norm(grads)
    # On a CPU a look costs nothing, and multiplying every gradient by 1 takes a hundredth of a step. On a GPU
    # the look would wait for the device.
    if total.device.type != "cpu" or not total <= norm:
        torch.nn.utils.clip_grads_with_norm_(parameters, norm, total)
    return total


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
