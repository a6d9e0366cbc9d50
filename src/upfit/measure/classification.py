"""Metrics of one class per example, for the whole sample and for any number of resamples at once."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from upfit.measure.arrays import SMALLEST, Array, Floats, Ints
from upfit.measure.calibration import binned
from upfit.measure.ranking import auroc, ranking
from upfit.measure.statistic import Statistic

MOST_CLASSES_FOR_AUROC = 100


def decided(scores_NK: Floats, classes_N: Ints) -> Statistic:
    """Everything that follows from sums over examples: `hits` and `calibration` on the same resamples."""
    first, second = hits(scores_NK, classes_N), calibration(scores_NK, classes_N)
    return lambda counts_NR: first(counts_NR) | second(counts_NR)


def hits(scores_NK: Floats, classes_N: Ints) -> Statistic:
    """Accuracy, balanced accuracy, macro-F1 and log-loss: weighted sums over examples.

    Balanced accuracy averages the recall of the classes that a (re)sample contains; macro-F1 the F1 of those
    that it contains or that were predicted, as scikit-learn does.
    """
    classes = scores_NK.shape[1]
    said = scores_NK.argmax(axis=1)
    right = said == classes_N
    loss = log_losses(scores_NK, classes_N)
    is_class, is_said = _one_hot(classes_N, classes), _one_hot(said, classes)
    is_hit = is_class.multiply(is_said).tocsr()

    def measure(counts_NR: Floats) -> dict[str, Floats]:
        total = counts_NR.sum(axis=0)
        true, predicted, hit = is_class @ counts_NR, is_said @ counts_NR, is_hit @ counts_NR
        return {
            "accuracy": right @ counts_NR / total,
            "balanced_accuracy": mean_where(hit, true),
            "macro_f1": mean_where(2 * hit, true + predicted),
            "log_loss": loss @ counts_NR / total,
        }

    return measure


def calibration(scores_NK: Floats, classes_N: Ints) -> Statistic:
    """Expected calibration error; the bins are those of the whole sample."""
    confidence, right = scores_NK.max(axis=1), scores_NK.argmax(axis=1) == classes_N
    bins = binned(confidence)
    surplus = _one_hot(bins, int(bins.max()) + 1) @ sparse.diags(confidence - right)

    def measure(counts_NR: Floats) -> dict[str, Floats]:
        gaps = np.abs(surplus @ counts_NR).sum(axis=0)
        return {"calibration_error": gaps / counts_NR.sum(axis=0)}

    return measure


def ranked(scores_NK: Floats, classes_N: Ints) -> Statistic:
    """AUROC; with more than two classes, the mean of one class against the rest over the classes present."""
    classes = range(scores_NK.shape[1]) if scores_NK.shape[1] > 2 else (1,)
    present = [k for k in classes if 0 < np.count_nonzero(classes_N == k) < len(classes_N)]
    if len(present) > MOST_CLASSES_FOR_AUROC:
        return lambda counts_NR: {}
    curves = [(ranking(scores_NK[:, k]), classes_N == k) for k in present]

    def measure(counts_NR: Floats) -> dict[str, Floats]:
        areas = [auroc(ranks, positive, counts_NR) for ranks, positive in curves]
        return {"auroc": finite_mean(np.stack(areas))} if areas else {}

    return measure


def log_losses(scores_NK: Floats, classes_N: Ints) -> Floats:
    """(N,) minus the natural logarithm of the probability given to the true class."""
    given = scores_NK[np.arange(len(classes_N)), classes_N]
    return np.asarray(-np.log(np.clip(given, SMALLEST, 1.0)))


def mean_where(part: Array, whole: Array) -> Floats:
    """Mean over axis 0 of `part / whole`, where `whole` is not 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return finite_mean(np.asarray(part) / np.asarray(whole))


def finite_mean(values: Floats) -> Floats:
    """Mean over axis 0 of the finite values; NaN where there is none."""
    known = np.isfinite(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(known, values, 0.0).sum(axis=0) / known.sum(axis=0))


def _one_hot(index_N: Array, count: int) -> sparse.csr_array:
    ones = np.ones(len(index_N))
    return sparse.csr_array((ones, (index_N, np.arange(len(index_N)))), shape=(count, len(index_N)))
