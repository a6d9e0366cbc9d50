"""Iterative stratification: rows with several labels, the rarest label served first.

Sechidis, Tsoumakas, Vlahavas, "On the stratification of multi-label data", ECML PKDD 2011.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from upfit.split.greedy import place
from upfit.split.ratio import Weights
from upfit.split.stratified import Index, dealt
from upfit.values import Data, Rows


def iterative(data: Data, rows: Rows, weights: Weights, *, seed: int) -> tuple[Rows, ...]:
    """Divide rows of multilabel data by weights, every label in proportion; duplicates stay together.

    Args and returns are those of `stratified`.
    """
    return dealt(data, rows, weights, seed=seed, by=deal_labels)


def deal_labels(counts: csr_array, sizes: Index, weights: Weights, rng: np.random.Generator) -> Index:
    """(U,) part of each unit, placed in the order of its rarest label."""
    part_of = np.zeros(counts.shape[0], np.int64)
    place(rarest_first(counts, rng), counts, sizes, weights, part_of=part_of)
    return part_of


def rarest_first(counts: csr_array, rng: np.random.Generator) -> Index:
    """Units sorted by their rarest label, rarest label first, shuffled within."""
    totals = np.asarray(counts.sum(axis=0)).ravel()
    rank = np.empty(len(totals), np.int64)
    rank[np.argsort(totals, kind="stable")] = np.arange(len(totals))
    # Every unit has a stratum, so no segment is empty.
    rarest = np.minimum.reduceat(rank[counts.indices], counts.indptr[:-1])
    shuffled = rng.permutation(len(rarest))
    return np.asarray(shuffled[np.argsort(rarest[shuffled], kind="stable")], np.int64)
