"""Training rows whose labels are probably wrong, found by fits that did not learn from them.

Two rounds of cross-validated logistic regression: the second learns without rows that the first doubts.
With a fifth of the labels wrong (hwu64 with 5 and 10 examples a class, digits, clothes), that brought
back 38, 37, 58 and 70 % of the lost accuracy, one round of leave-one-out ridge 28, 31, 42 and 47 %.
Ridge stays for what is too large for that. Giving sure rows another label, instead of leaving them out,
did no better on two of the four. Estimating how many labels are wrong keeps clean rows: without it, one
in twenty of a clean set was suspected.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from upfit.audit.label_errors import FEWEST, out_of_fold
from upfit.audit.label_noise import label_noise, logits_of
from upfit.audit.scaling import of_unit_spread
from upfit.train.leave_one_out import leave_one_out
from upfit.train.probe import Features

LEAST = 50
"""Rows below which wrong labels cannot be told from rare examples."""
STRENGTH = 0.03
"""C of the logistic regression, for features of unit spread."""
WORK = 5 * 10**7
"""Rows x features x classes beyond which logistic regression takes minutes."""
MOST_SHARE = 0.5
"""Of the rows; where more look wrong, it is the features that do not speak of the label."""

Places = npt.NDArray[np.int64]


def probably_wrong(features_ND: Features, labels: npt.NDArray[Any]) -> Places:
    """(W,) places of rows whose labels are more likely wrong than right.

    Judged by linear classifiers that learnt without the row, given how many labels are wrong in all, which is
    estimated too. Classes of fewer than five rows are left alone.

    Args:
        features_ND: (N, D) features of training rows.
        labels: (N,) their classes.
    """
    enough = np.flatnonzero(np.isin(labels, np.flatnonzero(np.bincount(labels) >= FEWEST)))
    present, dense = np.unique(labels[enough], return_inverse=True)
    if len(enough) < LEAST or len(present) < 2:
        return np.empty(0, np.int64)
    features = features_ND[enough]
    if features.size * len(present) > WORK:
        wrong = label_noise(leave_one_out(features, dense, classes=len(present)), dense).doubted(dense)
    else:
        wrong = _doubted_twice(features, dense)
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
    answers = out_of_fold(scaled_ND, labels, trusted, strength=STRENGTH)
    return label_noise(logits_of(answers), labels).doubted(labels)
