"""Units with several rows or labels go, one after the other, to the part that still needs them most."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from upfit.split.ratio import Weights

Index = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def needs(counts: csr_array, weights: Weights) -> Floats:
    """(P, K) rows of each stratum that each part should get."""
    totals = np.asarray(counts.sum(axis=0)).ravel()
    return np.outer(np.asarray(weights), totals)


def place(order: Index, counts: csr_array, sizes: Index, weights: Weights, *, part_of: Index) -> Floats:
    """Place units in the given order into `part_of`; returns the (P, K) needs that are left.

    A unit goes to the part that is furthest behind in its strata, as a share of what the part should get,
    among the parts where more than half of it fits. Rare strata count more than common ones.
    """
    need = needs(counts, weights)
    totals = np.maximum(np.asarray(counts.sum(axis=0)).ravel(), 1)
    share = np.maximum(np.asarray(weights), 1e-12)
    room = share * float(sizes.sum())
    for unit in order.tolist():
        start, stop = counts.indptr[unit], counts.indptr[unit + 1]
        labels, amounts = counts.indices[start:stop], counts.data[start:stop]
        behind = need[:, labels] @ (amounts / totals[labels] ** 2) / share
        fits = room >= sizes[unit] / 2
        part = int(np.where(fits, behind, -np.inf).argmax() if fits.any() else room.argmax())
        part_of[unit] = part
        need[part, labels] -= amounts
        room[part] -= sizes[unit]
    return need
