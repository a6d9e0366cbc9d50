"""Stochastic weight averaging: the plain mean of the weights of the last part of the run."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import nn

from upfit.techniques.card import Card
from upfit.techniques.ema import average_weights
from upfit.techniques.seams import Kept
from upfit.values import Value

COUNT = "n_averaged"
"""How many weights are in the mean; torch's `AveragedModel` calls it the same."""

FEWEST = 4
"""Weights that the mean is to hold at least, as far as the run has so many steps."""


class Swa(Value):
    """The mean of the weights from `start` on; until then the network's own are read.

    Args:
        start: Fraction of the run at which averaging begins; 1 never does.
        every: Steps between the weights that are taken in; fewer where the run is short.
    """

    start: Annotated[float, Field(ge=0, le=1)] = 0.75
    every: int = Field(default=4, ge=1)

    def settle(self, total_steps: int) -> Swa:
        """In short runs weights are taken in more often, so that there are `FEWEST` to average."""
        often = int((1 - self.start) * total_steps / FEWEST)
        return Swa(start=self.start, every=max(1, min(self.every, often)))

    def init(self, network: nn.Module) -> Kept:
        """Room for the mean, and the count; nothing where averaging never begins."""
        if self.start == 1:
            return {}
        mean = {name: value.detach().clone() for name, value in network.state_dict().items()}
        return {**mean, COUNT: torch.zeros((), dtype=torch.int64)}

    @torch.no_grad()
    def update(self, network: nn.Module, kept: Kept, *, step: int, total: int) -> None:
        """Take in the weights after step `step` (from 1)."""
        if not kept or step <= self.start * total or step % self.every:
            return
        kept[COUNT] += 1
        mean = {name: value for name, value in kept.items() if name != COUNT}
        average_weights(mean, network.state_dict(), 1 - 1 / int(kept[COUNT]))

    def read(self, kept: Kept) -> Kept:
        """The mean, once there is one."""
        if not kept or not int(kept[COUNT]):
            return {}
        return {name: value for name, value in kept.items() if name != COUNT}


CARD = Card(
    name="swa",
    switch="techniques.swa=on",
    row="T3",
    what="Evaluates and keeps the plain mean of the weights of the last quarter of the run.",
    when="The rate is still high at the end (`schedule.name=constant`, or a floor): the weights wander "
    "around a wide minimum, and their mean lies in it.",
    when_not="The rate falls to zero: the last weights hardly differ, and the mean of them lags behind.",
    combine="With `ema`, which is on by default: until the averaging begins the ema is evaluated, from then "
    "on the mean. BatchNorm statistics are frozen by default and then exact; where they are updated "
    "(`layers.batch_norm=updated`, own modules) they are averaged like the weights.",
    source="Izmailov et al. 2018",
    absent="techniques.swa={start: 1}",
)
