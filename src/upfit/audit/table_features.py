"""Columns of a bare table as features: numbers scaled, categories one column a value."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from upfit.data.cells import cells
from upfit.values import Data, Rows

MOST_VALUES = 40


def table_features(data: Data, rows: Rows) -> npt.NDArray[np.float32]:
    """(N, D) features of rows: ranks of numbers, mapped to -1 … 1, and flags of categories and of gaps."""
    columns: list[npt.NDArray[np.float32]] = []
    for name in data.schema.of_kind("number"):
        columns += _number(np.asarray(cells(data, name, rows).to_numpy(zero_copy_only=False), float))
    for name in data.schema.of_kind("category"):
        values = np.array([str(cell) for cell in cells(data, name, rows).to_pylist()], dtype=object)
        names, counts = np.unique(values, return_counts=True)
        columns += [(values == one).astype(np.float32) for one in names[np.argsort(-counts)][:MOST_VALUES]]
    return np.stack(columns, axis=1) if columns else np.zeros((len(rows), 0), np.float32)


def _number(values: npt.NDArray[np.float64]) -> list[npt.NDArray[np.float32]]:
    """Ranks, which no outlier bends, the gap in the middle; and a flag for gaps where there are any."""
    gaps = ~np.isfinite(values)
    ordered = np.sort(values[~gaps])
    if not len(ordered):
        return []
    middle = (np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right")) / 2
    ranks = np.where(gaps, 0.0, 2 * middle / len(ordered) - 1).astype(np.float32)
    return [ranks, gaps.astype(np.float32)] if gaps.any() else [ranks]
