"""The loss on some held-out examples, for looks that have to be cheap."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from upfit.data.examples import Batch, Examples
from upfit.train.boundary import Moving
from upfit.train.feed import Feed
from upfit.train.infer import outputs
from upfit.train.workbench import Workbench

ROWS = 256
"""Examples that are looked at, at most."""


class Some:
    """Some of the examples, in the order of `positions`."""

    def __init__(self, inner: Examples, positions: Sequence[int]) -> None:
        self.inner, self.positions = inner, positions
        self.lengths = None if inner.lengths is None else inner.lengths[list(positions)]

    def __len__(self) -> int:
        return len(self.positions)

    def get(self, position: int, rng: np.random.Generator | None) -> Any:
        """One of them."""
        return self.inner.get(self.positions[position], rng)

    def collate(self, examples: Sequence[Any]) -> Batch:
        """As those that they are taken from."""
        return self.inner.collate(examples)


def held_out_loss(bench: Workbench, feed: Feed) -> Callable[[nn.Module], float]:
    """Network → its mean validation loss, as runs are judged, on at most `ROWS` rows drawn by the seed."""
    validation = feed.validation.loader if isinstance(feed.validation, Moving) else feed.validation
    order = np.random.default_rng(bench.recipe.seed).permutation(len(bench.validation_targets))[:ROWS]
    some = validation.of(Some(validation.examples, order.tolist()))
    # What the loader knows of its rows is about all of them.
    some.lengths = None
    loss = bench.objective.judging_loss(bench.recipe.loss)
    encoded = torch.as_tensor(bench.objective.encode(bench.validation_targets[order]))

    def held_out(network: nn.Module) -> float:
        return float(loss(torch.from_numpy(outputs(network, some, bench.world)), encoded).mean())

    return held_out
