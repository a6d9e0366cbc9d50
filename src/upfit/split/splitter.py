"""The seam of this room: what divides rows."""

from __future__ import annotations

from typing import Protocol

from upfit.split.ratio import Weights
from upfit.values import Data, Rows


class Splitter(Protocol):
    """Divides rows into parts: disjoint, complete, the same for the same seed, duplicates on one side."""

    __name__: str

    def __call__(self, data: Data, rows: Rows, weights: Weights, *, seed: int) -> tuple[Rows, ...]:
        """Sorted rows of each part."""
