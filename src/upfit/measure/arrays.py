"""Checking what comes in: scores and targets of the right shapes, finite, in range."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from upfit.errors import DataError
from upfit.values import Task

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Array = npt.NDArray[Any]

# Scores come from float32 models, so no probability can be told from 0 or 1 more closely than this.
SMALLEST = float(np.finfo(np.float32).eps)


def checked(task: Task, scores: Array, targets: Array) -> tuple[Floats, Array]:
    """Scores as float64 (N, K) and targets as the task wants them.

    Class probabilities that do not add up to 1 (half precision) are rescaled.

    Raises:
        DataError: no examples, shapes that do not fit, NaN or infinite values, or classes out of range.
    """
    # A copy of our own, changed in place below: scores of many classes are large.
    scores = np.array(scores, np.float64)
    targets = np.asarray(targets)
    if scores.ndim == 1 and task == "regression":
        scores = scores[:, None]
    _check_shapes(task, scores, targets)
    _check_finite("scores", scores)
    if task == "regression":
        targets = targets.astype(np.float64).reshape(len(targets))
        _check_finite("targets", targets)
        return scores, targets
    if scores.min() < -1e-6 or scores.max() > 1 + 1e-6:
        span = f"{scores.min():.4g} to {scores.max():.4g}"
        raise DataError("scores are no probabilities", expected="values from 0 to 1", got=span)
    np.clip(scores, 0.0, 1.0, out=scores)
    if task == "multilabel":
        return scores, _labels(targets)
    return _normalised(scores), _classes(targets, scores.shape[1])


def _check_shapes(task: Task, scores: Array, targets: Array) -> None:
    wide = targets.ndim == 2 and task == "multilabel" and targets.shape == scores.shape
    single = task == "regression" and targets.size == len(targets) and scores.shape[1:] == (1,)
    classes = task in ("binary", "multiclass") and targets.ndim == 1 and scores.ndim == 2
    binary_width = task != "binary" or scores.shape[1:] == (2,)
    fits = (wide or single or classes) and binary_width and len(scores) == len(targets)
    if not fits or len(scores) == 0:
        wanted = {
            "binary": "scores (N, 2) and targets (N,)",
            "multiclass": "scores (N, K) and targets (N,)",
            "multilabel": "scores (N, K) and targets (N, K)",
            "regression": "scores (N, 1) and targets (N,)",
        }[task]
        raise DataError(
            f"scores and targets do not fit a {task} task",
            expected=f"{wanted}, N at least 1",
            got=f"scores {scores.shape} and targets {targets.shape}",
        )


def _check_finite(name: str, values: Floats) -> None:
    bad = int(np.count_nonzero(~np.isfinite(values)))
    if bad:
        raise DataError(
            f"{name} hold {bad} values that are NaN or infinite",
            expected="finite numbers",
            hint="a model that answers NaN has diverged: lower the learning rate",
        )


def _normalised(scores: Floats) -> Floats:
    total = scores.sum(axis=1, keepdims=True)
    if np.any(np.abs(total - 1) > 0.02):
        worst = float(total.flat[int(np.argmax(np.abs(total - 1)))])
        raise DataError("class probabilities add up to 1", got=f"a row that adds up to {worst:.4g}")
    scores /= total
    return scores


def _classes(targets: Array, count: int) -> Ints:
    classes = targets.astype(np.int64)
    if np.any(classes != targets) or classes.min() < 0 or classes.max() >= count:
        raise DataError(
            "targets name a class that the scores do not have",
            expected=f"class indices from 0 to {count - 1}",
            got=f"{targets.min()} to {targets.max()}",
        )
    return classes


def _labels(targets: Array) -> Floats:
    labels = targets.astype(np.float64)
    if not np.isin(labels, (0.0, 1.0)).all():
        raise DataError("multilabel targets are 0 or 1", got=f"{labels.min():g} to {labels.max():g}")
    return labels
