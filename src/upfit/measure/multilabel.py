"""Metrics of several yes/no labels per example, for the whole sample and for resamples."""

from __future__ import annotations

import numpy as np

from upfit.measure.arrays import Floats
from upfit.measure.classification import finite_mean, mean_where
from upfit.measure.ranking import average_precision, ranking
from upfit.measure.statistic import Statistic


def hits(scores_NK: Floats, labels_NK: Floats) -> Statistic:
    """Micro- and macro-F1 at probability 0.5; a label never present and never predicted counts 0."""
    said = (scores_NK >= 0.5).astype(np.float64)
    hit, either = (said * labels_NK).T, (said + labels_NK).T

    def measure(counts_NR: Floats) -> dict[str, Floats]:
        hits_KR, either_KR = hit @ counts_NR, either @ counts_NR
        micro = mean_where(2 * hits_KR.sum(axis=0)[None], either_KR.sum(axis=0)[None])
        each = np.divide(2 * hits_KR, either_KR, out=np.zeros_like(hits_KR), where=either_KR > 0)
        return {"micro_f1": np.nan_to_num(micro), "macro_f1": each.mean(axis=0)}

    return measure


def ranked(scores_NK: Floats, labels_NK: Floats) -> Statistic:
    """Mean average precision over the labels that occur."""
    present = np.flatnonzero(labels_NK.any(axis=0))
    curves = [(ranking(scores_NK[:, k]), labels_NK[:, k] > 0) for k in present]

    def measure(counts_NR: Floats) -> dict[str, Floats]:
        each = [average_precision(ranks, positive, counts_NR) for ranks, positive in curves]
        return {"map": finite_mean(np.stack(each))} if each else {}

    return measure
