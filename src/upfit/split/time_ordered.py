"""Time-ordered: the past trains, what follows validates, the latest tests."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from upfit.data.cells import cells
from upfit.errors import DataError
from upfit.split.ratio import Weights, filled
from upfit.split.units import Units, bind
from upfit.values import Data, Rows


def time_ordered(data: Data, rows: Rows, weights: Weights, *, seed: int) -> tuple[Rows, ...]:
    """Divide rows by weights in the order of `schema.time`; rows of one moment stay together.

    Duplicates (and groups, where a column is given) stay together too and count as early as their first row,
    so a late copy of an early row is in train. `seed` changes nothing: time leaves no choice.

    Args and returns are those of `stratified`.
    """
    units = bind(data, rows, parts=filled(weights), group=data.schema.group)
    first = first_times(data, units)
    order = np.argsort(first, kind="stable")
    before = np.cumsum(units.sizes[order]) - units.sizes[order] / 2
    # Units of one moment all stand where the middle of that moment stands.
    _, moment = np.unique(first[order], return_inverse=True)
    middle = np.bincount(moment, weights=before) / np.bincount(moment)
    edges = np.cumsum(weights)[:-1] * len(rows)
    part_of = np.empty(len(order), np.int64)
    part_of[order] = np.searchsorted(edges, middle[moment], side="left")
    empty = [part for part, weight in enumerate(weights) if weight > 0 and not (part_of == part).any()]
    if empty:
        raise DataError(
            f"the times in {data.schema.time!r} leave a part without rows: too many rows share one moment",
            hint="leave out --time, or use a finer column",
        )
    return units.parts(part_of, len(weights))


def first_times(data: Data, units: Units) -> npt.NDArray[np.float64]:
    """(U,) time of each unit's earliest row."""
    assert data.schema.time is not None
    times = cells(data, data.schema.time, units.rows).to_numpy(zero_copy_only=False)
    first = np.full(len(units.sizes), np.inf)
    np.minimum.at(first, units.of_row, times)
    return first
