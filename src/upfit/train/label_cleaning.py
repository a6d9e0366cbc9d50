"""Training rows whose labels are probably wrong, found by fits that did not learn from them.

Three witnesses (`witnesses`) speak about each row, and count as much as makes the given labels likeliest
(`mixed`). What that brings back of accuracy lost to a fifth of wrong labels: `bench/results/label_noise.md`.
Asking once more, without the rows that were doubted, was level on five sets. Giving sure rows another label,
instead of leaving them out, is level with that. Estimating how many labels are wrong keeps clean rows: of
clean hwu64 (5 examples a class) and digits none was doubted.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from upfit.audit.label_noise import label_noise, mixed
from upfit.audit.scaling import of_unit_spread
from upfit.train.logistic import Features
from upfit.train.witnesses import witnesses

LEAST, FEWEST = 50, 3
"""Rows in all and of a class, below which wrong labels cannot be told from rare examples."""
MOST_SHARE = 0.5
"""Of the rows; where more look wrong, it is the features that do not speak of the label."""

Places = npt.NDArray[np.int64]


def probably_wrong(features_ND: Features, labels: npt.NDArray[Any]) -> Places:
    """(W,) places of rows whose labels are more likely wrong than right.

    Judged by classifiers that learnt without the row, given how many labels are wrong in all, which is
    estimated too. Classes of fewer than three rows are left alone.

    Args:
        features_ND: (N, D) features of training rows.
        labels: (N,) their classes.
    """
    enough = np.flatnonzero(np.isin(labels, np.flatnonzero(np.bincount(labels) >= FEWEST)))
    present, dense = np.unique(labels[enough], return_inverse=True)
    if len(enough) < LEAST or len(present) < 2:
        return np.empty(0, np.int64)
    scaled = of_unit_spread(features_ND[enough])
    wrong = label_noise(mixed(witnesses(scaled, dense), dense), dense).doubted(dense)
    return enough[wrong] if wrong.mean() <= MOST_SHARE else np.empty(0, np.int64)
