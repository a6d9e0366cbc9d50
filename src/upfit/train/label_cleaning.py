"""Training rows whose labels are probably wrong, found by fits that did not learn from them.

Of what was tried where a fifth of the labels is wrong, leaving such rows out did no worse than giving them
another label; one round of leave-one-out answers no worse than more, which grow too sure of themselves; and
ridge no worse than cross-validated logistic regression, at a hundredth of its time. Estimating how many
labels are wrong keeps clean rows: without it, one in twenty of a clean set was suspected.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from upfit.audit.label_errors import FEWEST
from upfit.audit.label_noise import label_noise
from upfit.train.leave_one_out import leave_one_out
from upfit.train.probe import Features

LEAST = 50
"""Rows below which wrong labels cannot be told from rare examples."""
MOST_SHARE = 0.5
"""Of the rows; where more look wrong, it is the features that do not speak of the label."""

Places = npt.NDArray[np.int64]


def probably_wrong(features_ND: Features, labels: npt.NDArray[Any]) -> Places:
    """(W,) places of rows whose labels are more likely wrong than right.

    Judged by a ridge classifier that learnt without the row, given how many labels are wrong in all, which is
    estimated too. Classes of fewer than five rows are left alone.

    Args:
        features_ND: (N, D) features of training rows.
        labels: (N,) their classes.
    """
    enough = np.flatnonzero(np.isin(labels, np.flatnonzero(np.bincount(labels) >= FEWEST)))
    present, dense = np.unique(labels[enough], return_inverse=True)
    if len(enough) < LEAST or len(present) < 2:
        return np.empty(0, np.int64)
    answers = leave_one_out(features_ND[enough], dense, classes=len(present))
    wrong = label_noise(answers, dense).doubted(dense)
    return enough[wrong] if wrong.mean() <= MOST_SHARE else np.empty(0, np.int64)
