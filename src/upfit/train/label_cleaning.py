"""Training rows whose labels are probably wrong, found by fits that did not learn from them.

Of what was tried where a fifth of the labels is wrong, leaving such rows out did better than giving them
another label, one round of leave-one-out answers better than further rounds without the suspects, which grow
too sure of themselves, and better than cross-validated logistic regression, at a hundredth of its time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from upfit.audit.label_errors import FEWEST, tempered
from upfit.train.leave_one_out import leave_one_out
from upfit.train.probe import Features

LEAST = 50
"""Rows below which wrong labels cannot be told from rare examples."""
ABOVE_FLOOR = 2.0
"""A wrong label is no likelier than the classes that have nothing to do with the row, give or take."""
MOST_SHARE = 0.5
"""Of the rows; where more look wrong, it is the features that do not speak of the label."""

Places = npt.NDArray[np.int64]


def probably_wrong(features_ND: Features, labels: npt.NDArray[Any]) -> Places:
    """(W,) places of rows whose labels are probably wrong.

    A row is one of them if another class is as likely as rows of that class mostly are (confident learning),
    and its own hardly likelier than classes in general: what is merely hard has its own class for a close
    second. Classes of fewer than five rows are left alone.

    Args:
        features_ND: (N, D) features of training rows.
        labels: (N,) their classes.

    Source: Northcutt, Jiang, Chuang 2021 (confident learning), equations 2 and 3.
    """
    enough = np.flatnonzero(np.isin(labels, np.flatnonzero(np.bincount(labels) >= FEWEST)))
    present, dense = np.unique(labels[enough], return_inverse=True)
    if len(enough) < LEAST or len(present) < 2:
        return np.empty(0, np.int64)
    answers = leave_one_out(features_ND[enough], dense, classes=len(present))
    chances_NK = tempered(answers, dense, np.arange(len(dense)), bounds=(0, 5))
    wrong = _confidently_another(chances_NK, dense) & _as_good_as_none(chances_NK, dense)
    return enough[wrong] if wrong.mean() <= MOST_SHARE else np.empty(0, np.int64)


def _confidently_another(
    chances_NK: npt.NDArray[np.float64], labels: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """(N,) whether another class is as likely as rows that are given as that class mostly are."""
    mostly = np.array([chances_NK[labels == k, k].mean() for k in range(chances_NK.shape[1])])
    confident = np.where(chances_NK >= mostly, chances_NK, 0.0)
    return np.asarray((confident.max(1) > 0) & (confident.argmax(1) != labels))


def _as_good_as_none(
    chances_NK: npt.NDArray[np.float64], labels: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """(N,) whether the given class is hardly likelier than those that are not the likeliest."""
    count, classes = chances_NK.shape
    own, best = chances_NK[np.arange(count), labels], chances_NK.max(1)
    if classes == 2:
        return np.asarray(own < best)
    floor = (1 - best) / (classes - 1)
    return np.asarray(own < ABOVE_FLOOR * floor)
