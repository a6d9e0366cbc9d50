"""Gradient clipping by global norm."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from pydantic import Field
from torch import nn

from upfit.values import Value


def clip_gradients(parameters: Sequence[nn.Parameter], norm: float) -> torch.Tensor:
    """Scale all gradients together so that their L2 norm is at most `norm`; returns the norm before.

    Source: Pascanu et al. 2013; `torch.nn.utils.clip_grad_norm_` does the work.
    """
    return torch.nn.utils.clip_grad_norm_(parameters, norm)


class Clip(Value):
    """Card: keeps one bad batch from throwing the weights away; `norm` is the greatest L2 norm allowed.

    When: always harmless near 1. When not: far below the usual norm it is a hidden, smaller rate.
    """

    norm: float = Field(default=1.0, gt=0)

    def on_grads(
        self, parameters: Sequence[nn.Parameter], rng: torch.Generator, progress: float
    ) -> torch.Tensor:
        """Clip in place; the norm before clipping."""
        return clip_gradients(parameters, self.norm)
