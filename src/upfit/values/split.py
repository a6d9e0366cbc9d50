"""Split: which rows are for training, which for choosing, which for the final judgement."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Split:
    """Row indices of the three parts, disjoint and sorted.

    Args:
        train: (N,) rows that weights are fitted on.
        validation: (M,) rows that decide between candidates and when to stop.
        test: (K,) rows for one final measurement; may be empty. Their labels are sealed.
        how: In words, how the split was made ("given", "stratified 8:1:1, seed 0" …).
    """

    train: Rows
    validation: Rows
    test: Rows
    how: str

    def __repr__(self) -> str:
        counts = f"{len(self.train):,} train, {len(self.validation):,} validation, {len(self.test):,} test"
        return f"Split({counts}: {self.how})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Split) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the three index arrays."""
        parts = (self.train, self.validation, self.test)
        joined = b"|".join(np.ascontiguousarray(rows, np.int64).tobytes() for rows in parts)
        return hashlib.sha256(joined).hexdigest()
