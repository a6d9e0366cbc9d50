"""Repairs after dealing: no part empty, and every class that can be is in every part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from upfit.split.ratio import Weights

Index = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _Dealt:
    """Units as they were dealt: (U,) part of each, (P, K) units of each stratum in each part, and sizes."""

    part_of: Index
    present: Index
    counts: csr_array
    sizes: Index


def cover(part_of: Index, counts: csr_array, sizes: Index, weights: Weights) -> None:
    """Move units so that each stratum is in train first, then in validation, then in test.

    Only the smallest possible units move, and never the last of a stratum out of an earlier part.
    """
    columns = (counts > 0).tocsc()
    dealt = _Dealt(part_of, _present(part_of, columns, len(weights)), counts, sizes)
    wanted = [part for part, weight in enumerate(weights) if weight > 0]
    units = np.diff(columns.indptr)
    for place, part in enumerate(wanted):
        lacking = np.flatnonzero((dealt.present[part] == 0) & (units > place))
        for stratum in lacking.tolist():
            members = columns.indices[columns.indptr[stratum] : columns.indptr[stratum + 1]]
            _move_one(dealt, members, to=part, settled=wanted[:place])


def _present(part_of: Index, columns: csr_array, parts: int) -> Index:
    """(P, K) how many units of each stratum are in each part."""
    stratum = np.repeat(np.arange(columns.shape[1]), np.diff(columns.indptr))
    flat = part_of[columns.indices] * columns.shape[1] + stratum
    return np.bincount(flat, minlength=parts * columns.shape[1]).reshape(parts, -1)


def _move_one(dealt: _Dealt, members: Index, *, to: int, settled: list[int]) -> None:
    """Move the smallest member that can be spared where it is, from the earliest part first."""
    order = np.lexsort((dealt.sizes[members], dealt.part_of[members]))
    for unit in members[order].tolist():
        home = int(dealt.part_of[unit])
        start, stop = dealt.counts.indptr[unit], dealt.counts.indptr[unit + 1]
        strata = dealt.counts.indices[start:stop]
        if home in settled and (dealt.present[home, strata] < 2).any():
            continue
        dealt.part_of[unit] = to
        dealt.present[home, strata] -= 1
        dealt.present[to, strata] += 1
        return


def fill_empty(part_of: Index, sizes: Index, weights: Weights) -> None:
    """Give every part that should have rows at least one unit: the smallest of the part with most units."""
    for part, weight in enumerate(weights):
        if weight <= 0 or (part_of == part).any():
            continue
        richest = int(np.bincount(part_of, minlength=len(weights)).argmax())
        units = np.flatnonzero(part_of == richest)
        if len(units) > 1:
            part_of[units[sizes[units].argmin()]] = part
