"""Absolute error: regression towards the median."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch.nn import functional

from upfit.techniques.card import Card
from upfit.techniques.losses.facts import Facts, LossFunction
from upfit.techniques.losses.numbers import paired
from upfit.values import Task, Value


def absolute_error(outputs_B1: torch.Tensor, targets_B: torch.Tensor) -> torch.Tensor:
    """Absolute error (B,) of one output per example; both in the targets' standard units.

    Example:
        >>> absolute_error(torch.tensor([[3.0]]), torch.tensor([1.0]))
        tensor([2.])
    """
    return functional.l1_loss(paired(outputs_B1, targets_B), targets_B, reduction="none")


class AbsoluteError(Value):
    """Absolute error; it has no settings."""

    tasks: ClassVar[tuple[Task, ...]] = ("regression",)

    def build(self, facts: Facts) -> LossFunction:
        """The function that the loop calls."""
        return absolute_error


CARD = Card(
    name="absolute_error",
    switch="loss.name=absolute_error",
    row="T5",
    what="The absolute difference: predicts the median, and no single row pulls harder than another.",
    when="Targets have outliers or long tails, and MAE is what counts.",
    when_not="Close to the optimum the gradient does not shrink; huber and log_cosh end more smoothly.",
    combine="The metric that decides is mae, unless another is asked for.",
    source="Boscovich 1757; torch.nn.functional.l1_loss",
)
