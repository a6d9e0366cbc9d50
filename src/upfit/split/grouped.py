"""Grouped: rows that share a group (a patient, a user, a document) stay on one side."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from upfit.split.cover import fill_empty
from upfit.split.greedy import needs, place
from upfit.split.ratio import Weights, filled
from upfit.split.strata import strata
from upfit.split.units import bind
from upfit.values import Data, Rows

Index = npt.NDArray[np.int64]

_MOST_TRIES = 30
_MOST_PLACINGS = 200_000


def grouped(data: Data, rows: Rows, weights: Weights, *, seed: int) -> tuple[Rows, ...]:
    """Divide rows by weights; groups and duplicates stay together, classes stay as even as groups allow.

    Args and returns are those of `stratified`. A group that shares a duplicate with another one joins it.
    """
    units = bind(data, rows, parts=filled(weights), group=data.schema.group)
    counts = units.counts(strata(data, rows))
    part_of = deal_groups(counts, units.sizes, weights, np.random.default_rng(seed))
    fill_empty(part_of, units.sizes, weights)
    return units.parts(part_of, len(weights))


def deal_groups(counts: csr_array, sizes: Index, weights: Weights, rng: np.random.Generator) -> Index:
    """(U,) part of each group: the evenest of several placings, each roughly from large to small."""
    # With few groups one order is luck, with many it hardly matters.
    tries = max(1, min(_MOST_TRIES, _MOST_PLACINGS // len(sizes)))
    best, least = np.zeros(len(sizes), np.int64), np.inf
    for spread in np.linspace(0, 1, tries):
        part_of = np.zeros(len(sizes), np.int64)
        order = np.argsort(-np.log(sizes) + spread * rng.standard_normal(len(sizes)))
        left = place(order, counts, sizes, weights, part_of=part_of)
        unevenness = _unevenness(left, needs(counts, weights))
        if unevenness < least:
            best, least = part_of, unevenness
    return best


def _unevenness(left: npt.NDArray[np.float64], wanted: npt.NDArray[np.float64]) -> float:
    """How far parts are from what they should have: of each stratum, and of rows, as shares."""
    rows = np.abs(left.sum(axis=1)) / np.maximum(wanted.sum(axis=1), 1e-12)
    of_strata = np.abs(left) / np.maximum(wanted, 1)
    return float((of_strata**2).mean() + (rows**2).mean())
