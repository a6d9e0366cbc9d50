"""Metrics by name: the values alone, which one decides, and which way is better."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from upfit.errors import RecipeError, nearest
from upfit.measure import classification, multilabel, regression
from upfit.measure.arrays import Array, Floats, checked
from upfit.measure.pinball import pinball, pinball_level, pinball_name
from upfit.measure.statistic import Statistic
from upfit.values import Task


@dataclass(frozen=True)
class Family:
    """Metrics that are computed together.

    Args:
        names: The metrics, in the order they are shown.
        build: From checked scores and targets to a Statistic.
        ranked: Whether each output is sorted, which costs about K times as much per resample.
    """

    names: tuple[str, ...]
    build: Callable[[Floats, Any], Statistic]
    ranked: bool = False


_CLASSES = (
    Family(
        ("accuracy", "balanced_accuracy", "macro_f1", "log_loss", "calibration_error"),
        classification.decided,
    ),
    Family(("auroc",), classification.ranked, ranked=True),
)
FAMILIES: dict[Task, tuple[Family, ...]] = {
    "binary": _CLASSES,
    "multiclass": _CLASSES,
    "multilabel": (
        Family(("map",), multilabel.ranked, ranked=True),
        Family(("micro_f1", "macro_f1"), multilabel.hits),
    ),
    "regression": (
        Family(("mae", "rmse", "r2", "pearson"), regression.errors),
        Family(("spearman",), regression.ranked, ranked=True),
    ),
}
LOWER_IS_BETTER = frozenset({"log_loss", "calibration_error", "mae", "rmse"})
# Made of counts of hits, so that few errors say little about how rare errors are.
COUNTED = frozenset({"accuracy", "balanced_accuracy", "macro_f1", "micro_f1"})
# From 0 to 1, and 1 is perfect.
PROPORTIONS = COUNTED | {"map", "auroc"}
_PRIMARY: dict[Task, str] = {
    "binary": "accuracy",
    "multiclass": "accuracy",
    "multilabel": "map",
    "regression": "rmse",
}


def metrics(task: Task, scores: Array, targets: Array, *, also: str = "") -> dict[str, float]:
    """Every metric of the task; one that the targets do not define is left out.

    Args:
        task: What is predicted.
        scores: (N, K) probabilities (K = 2 for binary, independent for multilabel); (N, 1) for regression.
        targets: (N,) class indices, (N, K) 0/1 for multilabel, (N,) values for regression.
        also: The metric that decides, where it may be one with a level, such as `pinball_90`.

    Raises:
        DataError: shapes that do not fit, NaN scores, classes out of range.

    >>> scores = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    >>> round(metrics("binary", scores, np.array([0, 1, 1]))["accuracy"], 3)
    0.667
    """
    scores, targets = checked(task, scores, targets)
    once = np.ones((len(scores), 1))
    found: dict[str, float] = {}
    for family in families(task, also):
        values = family.build(scores, targets)(once)
        found |= {name: float(values[name][0]) for name in family.names if name in values}
    return {name: value for name, value in found.items() if np.isfinite(value)}


def families(task: Task, also: str = "") -> tuple[Family, ...]:
    """The families of a task, and that of a metric with a level in its name."""
    level = pinball_level(also) if task == "regression" else None
    if level is None:
        return FAMILIES[task]
    return (Family((pinball_name(level),), partial(pinball, quantile=level)), *FAMILIES[task])


def metric_names(task: Task) -> tuple[str, ...]:
    """The metrics of a task, in the order they are shown."""
    return tuple(name for family in FAMILIES[task] for name in family.names)


def primary_metric(task: Task) -> str:
    """The metric that decides unless the user names another: accuracy, map or rmse.

    >>> primary_metric("regression")
    'rmse'
    """
    return _PRIMARY[task]


def telling_metric(task: Task) -> str:
    """The metric that shows a change first: probabilities move before answers do.

    On all 1,797 digits accuracy alone does not tell of mirroring (0.034, 0.000 to 0.067), log-loss does
    (0.058, 0.012 to 0.111).

    >>> telling_metric("multiclass"), telling_metric("regression")
    ('log_loss', 'rmse')
    """
    return "log_loss" if task in ("binary", "multiclass") else primary_metric(task)


def higher_is_better(metric: str) -> bool:
    """Whether a larger value of the metric is the better one; raises `RecipeError` for an unknown metric.

    >>> higher_is_better("accuracy"), higher_is_better("log_loss")
    (True, False)
    """
    known = {name for task in FAMILIES for name in metric_names(task)}
    if pinball_level(metric) is not None:
        return False
    if metric not in known:
        guess = nearest(metric, known)
        raise RecipeError(
            f"there is no metric {metric!r}",
            expected="one of " + ", ".join(sorted(known)),
            hint=guess,
        )
    return metric not in LOWER_IS_BETTER


def best_value(values: Iterable[float], metric: str) -> float:
    """The best of the finite values of a metric; NaN where there are none.

    >>> best_value([0.7, float("nan"), 0.9], "accuracy"), best_value([0.7, 0.9], "log_loss")
    (0.9, 0.7)
    """
    known = [value for value in values if math.isfinite(value)]
    if not known:
        return math.nan
    return max(known) if higher_is_better(metric) else min(known)


def family_of(task: Task, metric: str) -> Family:
    """The family that computes a metric; raises `RecipeError` where the task has no such metric."""
    for family in families(task, metric):
        if metric in family.names:
            return family
    names = metric_names(task)
    raise RecipeError(
        f"a {task} task has no metric {metric!r}",
        expected="one of " + ", ".join(names),
        hint=nearest(metric, names),
    )
