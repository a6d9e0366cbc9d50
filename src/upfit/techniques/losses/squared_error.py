"""Squared error: the default of regression."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch.nn import functional

from upfit.techniques.card import Card
from upfit.techniques.losses.facts import Facts, LossFunction
from upfit.techniques.losses.numbers import paired
from upfit.values import Task, Value


def squared_error(outputs_B1: torch.Tensor, targets_B: torch.Tensor) -> torch.Tensor:
    """Squared error (B,) of one output per example; both in the targets' standard units.

    Example:
        >>> squared_error(torch.tensor([[3.0]]), torch.tensor([1.0]))
        tensor([4.])
    """
    return functional.mse_loss(paired(outputs_B1, targets_B), targets_B, reduction="none")


class SquaredError(Value):
    """Squared error; it has no settings."""

    tasks: ClassVar[tuple[Task, ...]] = ("regression",)

    def build(self, facts: Facts) -> LossFunction:
        """The function that the loop calls."""
        return squared_error


CARD = Card(
    name="squared_error",
    switch="loss.name=squared_error",
    row="T5",
    what="The squared difference: the default of regression; predicts the mean.",
    when="Start here; errors are roughly symmetric, and RMSE is what counts.",
    when_not="A few targets are far off or wrong: their squares rule the gradient.",
    combine="With mixup, which mixes the losses of both targets.",
    source="Legendre 1805; torch.nn.functional.mse_loss",
    unmeasured="the default: the gains of other cards are differences from it",
)
