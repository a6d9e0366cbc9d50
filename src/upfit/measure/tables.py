"""Where a classifier is right and wrong: confusions, classes one by one, each example's loss."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from upfit.measure.arrays import SMALLEST, Array, Floats, Ints, checked
from upfit.measure.classification import log_losses
from upfit.values import Task


@dataclass(frozen=True)
class ClassRow:
    """One class: precision, recall and F1 (0 where nothing was predicted), and how many examples it has."""

    index: int
    precision: float
    recall: float
    f1: float
    support: int


def confusion(scores_NK: Array, classes_N: Array) -> Ints:
    """(K, K) counts: rows are the true classes, columns the predicted ones."""
    count = scores_NK.shape[1]
    cells = np.asarray(classes_N, np.int64) * count + np.asarray(scores_NK).argmax(axis=1)
    return np.bincount(cells, minlength=count * count).reshape(count, count).astype(np.int64)


def per_class(task: Task, scores: Array, targets: Array) -> tuple[ClassRow, ...]:
    """Precision, recall, F1 and support of every class (label), in class order; not for regression."""
    scores, targets = checked(task, scores, targets)
    count = scores.shape[1]
    if task == "multilabel":
        said, true = scores >= 0.5, targets > 0.5
    else:
        said, true = np.eye(count, dtype=bool)[scores.argmax(axis=1)], np.eye(count, dtype=bool)[targets]
    hit, predicted, support = (said & true).sum(axis=0), said.sum(axis=0), true.sum(axis=0)
    precision, recall = hit / np.maximum(predicted, 1), hit / np.maximum(support, 1)
    f1 = 2 * hit / np.maximum(predicted + support, 1)
    return tuple(
        ClassRow(k, float(precision[k]), float(recall[k]), float(f1[k]), int(support[k]))
        for k in range(count)
    )


def example_losses(task: Task, scores: Array, targets: Array) -> Floats:
    """(N,) how wrong each example is: log-loss, mean binary cross-entropy over labels, or |error|."""
    scores, targets = checked(task, scores, targets)
    if task == "regression":
        return np.asarray(np.abs(scores[:, 0] - targets))
    if task == "multilabel":
        sure = np.clip(np.where(targets > 0.5, scores, 1 - scores), SMALLEST, 1.0)
        return np.asarray(-np.log(sure).mean(axis=1))
    return log_losses(scores, targets)
