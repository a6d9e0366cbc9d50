"""Log-cosh: a smooth relative of the Huber loss."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch.nn import functional

from upfit.techniques.card import Card
from upfit.techniques.losses.facts import Facts, LossFunction
from upfit.techniques.losses.numbers import paired
from upfit.values import Task, Value


def log_cosh(outputs_B1: torch.Tensor, targets_B: torch.Tensor) -> torch.Tensor:
    """log cosh e (B,): about e²/2 near zero and |e| - log 2 far away, twice differentiable everywhere.

    Example:
        >>> log_cosh(torch.tensor([[0.0], [99.0]]), torch.zeros(2)).round(decimals=2)
        tensor([ 0.0000, 98.3100])
    """
    off_B = (paired(outputs_B1, targets_B) - targets_B).abs()
    # cosh itself overflows at 89.
    return off_B + functional.softplus(-2 * off_B) - math.log(2)


class LogCosh(Value):
    """Log-cosh; it has no settings."""

    tasks: ClassVar[tuple[Task, ...]] = ("regression",)

    def build(self, facts: Facts) -> LossFunction:
        """The function that the loop calls."""
        return log_cosh


CARD = Card(
    name="log_cosh",
    switch="loss.name=log_cosh",
    row="T5",
    what="Like huber with delta 1, but smooth: the logarithm of the hyperbolic cosine of the error.",
    when="Regression with outliers, where huber's corner or its delta is unwelcome.",
    when_not="The extreme targets are right and matter most.",
    combine="With every regression metric.",
    source="Saleh and Saleh 2022",
)
