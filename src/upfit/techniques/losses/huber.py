"""Huber loss: squares for small errors, absolute values for large ones."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

import torch
from pydantic import Field
from torch.nn import functional

from upfit.techniques.card import Card
from upfit.techniques.losses.facts import Facts, LossFunction
from upfit.techniques.losses.numbers import paired
from upfit.values import Task, Value


def huber(outputs_B1: torch.Tensor, targets_B: torch.Tensor, *, delta: float = 1.0) -> torch.Tensor:
    """Huber loss (B,): e²/2 up to |e| = delta, delta (|e| - delta/2) beyond.

    Args:
        outputs_B1: (B, 1) in standard deviations of the training targets.
        targets_B: (B,) in the same units.
        delta: Where squares end, in the same units.

    Example:
        >>> huber(torch.tensor([[0.5], [3.0]]), torch.zeros(2), delta=1.0)
        tensor([0.1250, 2.5000])
    """
    off_B = paired(outputs_B1, targets_B) - targets_B
    # torch wants both sides in one precision.
    return functional.huber_loss(off_B, torch.zeros_like(off_B), reduction="none", delta=delta)


class Huber(Value):
    """Huber loss; `delta` counts standard deviations of the training targets."""

    tasks: ClassVar[tuple[Task, ...]] = ("regression",)
    delta: float = Field(default=1.0, gt=0, allow_inf_nan=False)

    def build(self, facts: Facts) -> LossFunction:
        """The function that the loop calls."""
        return partial(huber, delta=self.delta)


CARD = Card(
    name="huber",
    switch="loss.name=huber",
    row="T5",
    what="Squared error, but absolute error beyond `delta` standard deviations of the targets.",
    when="Regression with some wrong or extreme targets.",
    when_not="The extreme targets are right and matter most.",
    combine="With every regression metric.",
    source="Huber 1964; torch.nn.functional.huber_loss",
)
