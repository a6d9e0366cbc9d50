"""Stratified: every class, or quantile of a number, in the same proportion in every part."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from upfit.split.cover import cover, fill_empty
from upfit.split.fill import fill
from upfit.split.greedy import place
from upfit.split.ratio import Weights, filled
from upfit.split.strata import strata
from upfit.split.units import bind
from upfit.values import Data, Rows

Index = npt.NDArray[np.int64]
Dealer = Callable[[csr_array, Index, Weights, np.random.Generator], Index]
"""(U, K) counts of strata, (U,) sizes, weights, rng → (U,) part of each unit."""


def stratified(data: Data, rows: Rows, weights: Weights, *, seed: int) -> tuple[Rows, ...]:
    """Divide rows by weights; duplicates stay together.

    A class with three distinct rows or more is in train, validation and test; a single row goes to train.

    Args:
        data: The data.
        rows: (N,) the rows to divide.
        weights: Shares of the parts.
        seed: Decides who goes where.

    Returns:
        Sorted rows of each part.
    """
    return dealt(data, rows, weights, seed=seed, by=deal)


def dealt(data: Data, rows: Rows, weights: Weights, *, seed: int, by: Dealer) -> tuple[Rows, ...]:
    """Sorted rows of each part, as a dealer gives them out and with every class and part covered."""
    units = bind(data, rows, parts=filled(weights))
    counts = units.counts(strata(data, rows))
    part_of = by(counts, units.sizes, weights, np.random.default_rng(seed))
    cover(part_of, counts, units.sizes, weights)
    fill_empty(part_of, units.sizes, weights)
    return units.parts(part_of, len(weights))


def deal(counts: csr_array, sizes: Index, weights: Weights, rng: np.random.Generator) -> Index:
    """(U,) part of each unit: the large ones by need, largest first, then the single rows by counting."""
    part_of = np.zeros(len(sizes), np.int64)
    large = rng.permutation(np.flatnonzero(sizes > 1))
    largest_first = large[np.argsort(-sizes[large], kind="stable")]
    need = place(largest_first, counts, sizes, weights, part_of=part_of)
    singles = np.flatnonzero(sizes == 1)
    fill(singles, counts.indices[counts.indptr[singles]].astype(np.int64), need, part_of, rng)
    return part_of
