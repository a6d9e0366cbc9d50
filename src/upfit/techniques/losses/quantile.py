"""Quantile (pinball) loss: predict a quantile instead of the mean."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

import torch
from pydantic import Field

from upfit.techniques.card import Card
from upfit.techniques.losses.facts import Facts, LossFunction
from upfit.techniques.losses.numbers import paired
from upfit.values import Task, Value


def quantile_loss(
    outputs_B1: torch.Tensor, targets_B: torch.Tensor, *, quantile: float = 0.5
) -> torch.Tensor:
    """Pinball loss (B,): an answer too low costs `quantile` per unit, one too high `1 - quantile`.

    Example:
        >>> quantile_loss(torch.tensor([[0.0], [2.0]]), torch.ones(2), quantile=0.9)
        tensor([0.9000, 0.1000])
    """
    short_B = targets_B - paired(outputs_B1, targets_B)
    return torch.maximum(quantile * short_B, (quantile - 1) * short_B)


class Quantile(Value):
    """Pinball loss of one quantile, as a fraction."""

    tasks: ClassVar[tuple[Task, ...]] = ("regression",)
    quantile: float = Field(default=0.5, gt=0, lt=1)

    def build(self, facts: Facts) -> LossFunction:
        """The function that the loop calls."""
        return partial(quantile_loss, quantile=self.quantile)


CARD = Card(
    name="quantile",
    switch="loss.name=quantile",
    row="T5",
    what="Predicts the given quantile of the target: 0.9 is exceeded by one row in ten.",
    when="Stocks, deadlines, limits: being too low and being too high cost differently.",
    when_not="The mean is wanted.",
    combine="The metric that decides is its pinball loss (pinball_90); the linear heads that compete are "
    "moved to the quantile of their residuals.",
    source="Koenker and Bassett 1978",
)
