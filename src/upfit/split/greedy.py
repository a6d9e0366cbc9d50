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


def place(order: Index, counts: csr_array, need: Floats, part_of: Index) -> None:
    """Place units in the given order; `part_of` and `need` are brought up to date.

    A unit goes where the need for its strata, each weighed by how rare it is, is greatest. Ties go to the
    part that is furthest from its size.
    """
    rarity = 1 / np.maximum(np.asarray(counts.sum(axis=0)).ravel(), 1)
    total = need.sum(axis=1)
    scale = 1e-6 / max(1.0, float(total.sum()))
    for unit in order.tolist():
        start, stop = counts.indptr[unit], counts.indptr[unit + 1]
        labels, amounts = counts.indices[start:stop], counts.data[start:stop]
        scores = need[:, labels] @ (amounts * rarity[labels]) + total * scale
        part = int(scores.argmax())
        part_of[unit] = part
        need[part, labels] -= amounts
        total[part] -= amounts.sum()
