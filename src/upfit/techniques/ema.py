"""Exponential moving average of the weights."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import nn

from upfit.errors import InputError
from upfit.techniques.card import Card
from upfit.techniques.seams import Kept
from upfit.values import Value


def average_weights(average: Kept, current: Kept, decay: float) -> None:
    """`average ← decay · average + (1 - decay) · current` in place; whole-number tensors are copied."""
    floating = [name for name, value in average.items() if value.is_floating_point()]
    if floating:
        torch._foreach_lerp_(
            [average[name] for name in floating], [current[name] for name in floating], 1 - decay
        )
    for name in average.keys() - set(floating):
        average[name].copy_(current[name])


class Ema(Value):
    """Evaluates and keeps a running mean of the weights instead of the last ones.

    `decay` is per step; `auto` averages over about a tenth of the run. `every` updates only each n-th
    step and the last (with the decay raised to match), since the update reads every weight.
    """

    decay: Annotated[float, Field(ge=0, lt=1)] | Literal["auto"] = "auto"
    every: int = Field(default=4, ge=1)

    def settle(self, total_steps: int) -> Ema:
        """With a concrete decay: a horizon of a tenth of the run, at most 1,000 steps.

        In short runs it is updated no more rarely than the horizon is long, or it would lag behind by more.
        """
        if self.decay != "auto":
            return self
        horizon = min(1000.0, max(1.0, total_steps / 10))
        return Ema(decay=round(1 - 1 / horizon, 6), every=min(self.every, int(horizon)))

    def init(self, network: nn.Module) -> Kept:
        """A copy of the starting weights and buffers."""
        return {name: value.detach().clone() for name, value in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: nn.Module, kept: Kept, *, step: int, total: int) -> None:
        """Move the average towards the weights after step `step` (from 1).

        Raises:
            InputError: A decay that is still `auto`: it depends on the steps, which `settle` is told.
        """
        if isinstance(self.decay, str):
            hint = "Ema().settle(total_steps), or Ema(decay=0.999)"
            raise InputError("the average has no decay yet", expected="a number", got=self.decay, hint=hint)
        since = step % self.every
        if since and step != total:
            return
        # Early on a fixed decay would keep the starting weights for too long.
        decay = min(self.decay, (1 + step) / (10 + step)) ** (since or self.every)
        average_weights(kept, network.state_dict(), decay)

    def read(self, kept: Kept) -> Kept:
        """The average itself."""
        return kept


CARD = Card(
    name="ema",
    switch="techniques.ema=on",
    row="T3",
    what="Evaluates and keeps a running mean of the weights instead of the last ones. On by default.",
    when="Noisy steps: small batches, high rates.",
    when_not="Very short runs, in which the mean lags behind.",
    combine="With everything. With swa the ema is read until the averaging of swa begins.",
    source="Polyak and Juditsky 1992; Tarvainen and Valpola 2017",
    absent="techniques.ema={decay: 0, every: 1}",
)
