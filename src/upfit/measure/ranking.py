"""Metrics of a ranking under resampling: sort once, then every resample is a cumulative sum.

A resample of N examples is a column of counts: how often each example was drawn. `counts_NR` holds R of them.
Examples with equal scores share a place, as in scikit-learn and SciPy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from upfit.measure.arrays import Array, Floats, Ints


@dataclass(frozen=True, eq=False)
class Ranking:
    """The ascending order of N values; `start` and `end` bound the tie group of each place."""

    order: Ints
    start: Ints
    end: Ints


def ranking(values_N: Array) -> Ranking:
    """Sort values, noting which places are tied."""
    order = np.argsort(values_N, kind="stable")
    ordered = values_N[order]
    fresh = np.concatenate([[True], ordered[1:] != ordered[:-1]])
    first = np.flatnonzero(fresh)
    group = np.cumsum(fresh) - 1
    last = np.concatenate([first[1:], [len(ordered)]])
    return Ranking(order, first[group], last[group])


def _below(weights_NR: Floats) -> Floats:
    """(N + 1, R): the weight strictly before each place."""
    zero = np.zeros((1, weights_NR.shape[1]))
    return np.concatenate([zero, np.cumsum(weights_NR, axis=0)])


def auroc(ranks: Ranking, positive_N: Array, counts_NR: Floats) -> Floats:
    """(R,) area under the ROC curve: how often a positive outranks a negative, ties counted half."""
    placed = positive_N[ranks.order]
    counts = counts_NR[ranks.order]
    negatives = _below(np.where(placed[:, None], 0.0, counts))
    at = np.flatnonzero(placed)
    outranked = (negatives[ranks.start[at]] + negatives[ranks.end[at]]) / 2
    hits = counts[at]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((hits * outranked).sum(axis=0) / (hits.sum(axis=0) * negatives[-1]))


def average_precision(ranks: Ranking, positive_N: Array, counts_NR: Floats) -> Floats:
    """(R,) mean, over the positives, of the precision at their score."""
    placed = positive_N[ranks.order]
    counts = counts_NR[ranks.order]
    everything = _below(counts)
    positives = _below(np.where(placed[:, None], counts, 0.0))
    at = np.flatnonzero(placed)
    first = ranks.start[at]
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = (positives[-1] - positives[first]) / (everything[-1] - everything[first])
        # An example that was not drawn counts nothing, and its precision may be 0 / 0.
        earned = np.where(counts[at] > 0, counts[at] * precision, 0.0)
        found: Floats = earned.sum(axis=0) / positives[-1]
        return found


def midranks(ranks: Ranking, counts_NR: Floats) -> Floats:
    """(N, R) the rank of each example in each resample, from 0 to 1, ties sharing their mean."""
    below = _below(counts_NR[ranks.order])
    placed = (below[ranks.start] + below[ranks.end]) / (2 * below[-1])
    out: Floats = np.empty_like(placed)
    out[ranks.order] = placed
    return out
