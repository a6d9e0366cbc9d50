"""What one scores without looking at the inputs; a model has to beat this."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from upfit.errors import DataError
from upfit.measure.arrays import Array
from upfit.values import Task


def baseline_scores(task: Task, train_targets: Array, count: int, outputs: int) -> npt.NDArray[np.float32]:
    """Scores (count, outputs) of the majority baseline, or of the mean for regression.

    Every example gets the class frequencies of the training targets (for multilabel, each label's own), so
    the majority class is predicted and the log-loss is the best that a constant can have.

    Raises:
        DataError: no training targets.

    >>> baseline_scores("binary", np.array([0, 1, 1, 1]), 2, 2).tolist()
    [[0.25, 0.75], [0.25, 0.75]]
    """
    if len(train_targets) == 0:
        raise DataError("a baseline needs training targets", got="none")
    if task in ("binary", "multiclass"):
        row = np.bincount(train_targets.astype(np.int64), minlength=outputs) / len(train_targets)
    else:
        row = np.asarray(train_targets, np.float64).reshape(len(train_targets), outputs).mean(axis=0)
    return np.tile(row.astype(np.float32), (count, 1))
