"""Training rows whose labels are probably wrong, found by fits that did not learn from them.

Three witnesses (`witnesses`) speak about each row, and count as much as makes the given labels likeliest
(`mixed`); then once more, without the rows that were doubted. Of accuracy lost to a fifth of wrong labels, on
two seeds of sets that this was made with (hwu64 with 5 examples a class, yoruba, digits), that brings back
51, 23 and 61 %, logistic regression alone 36, -6 and 63; on others: `bench/results/label_noise.md`. Giving
sure rows another label, instead of leaving them out, is level with that. Estimating how many labels are wrong
keeps clean rows: of clean hwu64 (5 examples a class) and digits none was doubted.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from upfit.audit.label_errors import FEWEST
from upfit.audit.label_noise import label_noise, mixed
from upfit.audit.scaling import of_unit_spread
from upfit.train.logistic import Features
from upfit.train.witnesses import witnesses

LEAST = 50
"""Rows below which wrong labels cannot be told from rare examples."""
MOST_SHARE = 0.5
"""Of the rows; where more look wrong, it is the features that do not speak of the label."""

Places = npt.NDArray[np.int64]


def probably_wrong(features_ND: Features, labels: npt.NDArray[Any]) -> Places:
    """(W,) places of rows whose labels are more likely wrong than right.

    Judged by classifiers that learnt without the row, given how many labels are wrong in all, which is
    estimated too. Classes of fewer than five rows are left alone.

    Args:
        features_ND: (N, D) features of training rows.
        labels: (N,) their classes.
    """
    enough = np.flatnonzero(np.isin(labels, np.flatnonzero(np.bincount(labels) >= FEWEST)))
    present, dense = np.unique(labels[enough], return_inverse=True)
    if len(enough) < LEAST or len(present) < 2:
        return np.empty(0, np.int64)
    wrong = _doubted_twice(features_ND[enough], dense)
    return enough[wrong] if wrong.mean() <= MOST_SHARE else np.empty(0, np.int64)


def _doubted_twice(features_ND: Features, labels: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """(N,) what models doubt that learnt without the row, and without what such models doubted before."""
    scaled = of_unit_spread(features_ND)
    first = _doubted(scaled, labels, np.ones(len(labels), bool))
    if not first.any() or first.mean() > MOST_SHARE:
        return first
    second = _doubted(scaled, labels, ~first)
    # Of two classes, wrong labels and unsure models can look the same, and then none is doubted.
    return second if second.any() else first


def _doubted(
    scaled_ND: Features, labels: npt.NDArray[np.int64], trusted: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    return label_noise(mixed(witnesses(scaled_ND, labels, trusted), labels), labels).doubted(labels)
