"""How a rate that suits one batch size is carried over to another."""

from __future__ import annotations

import math

from upfit.techniques.card import Card

REFERENCE_SIZE = 32
"""Batch size at which the default rates were measured."""
LINEAR = frozenset(
    {"sgd", "sgdw", "sgdp", "sgdc", "csgdw", "csgdp", "csgdc", "asgd", "momentum", "nesterov", "nesterovw"}
)
"""Optimizers whose steps are as long as the gradient: twice the batch, twice the rate."""


def scaled_rate(rate: float, size: int, *, optimizer: str, reference: int = REFERENCE_SIZE) -> float:
    """The rate for batches of `size` that does what `rate` does for batches of `reference`.

    Linear for SGD; for Adam and all that divide by the gradients' size, the square root, which keeps the
    noise of an epoch the same. Both hold while the batch is small against the data.

    Source: Goyal et al. 2017 (linear); Malladi et al. 2022 (square root).

    Example:
        >>> scaled_rate(0.1, 128, optimizer="sgd"), scaled_rate(0.1, 128, optimizer="adamw")
        (0.4, 0.2)
    """
    ratio = size / reference
    return rate * (ratio if optimizer.lower() in LINEAR else math.sqrt(ratio))


CARD = Card(
    name="batch_scaling",
    switch="optimizer.lr=auto",
    row="T2",
    what="Default rates were measured at batches of 32; for other sizes they are scaled, linearly for sgd, "
    "with the square root for adamw and its like.",
    when="Always with lr: auto.",
    when_not="A stated rate is never scaled.",
    combine="batching.size.",
    source="Goyal et al. 2017, arXiv:1706.02677; Malladi et al. 2022, arXiv:2205.10287",
    unmeasured="the default: the gains of other cards are differences from it",
)
