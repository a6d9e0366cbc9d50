"""Metrics with intervals."""

from __future__ import annotations

import numpy as np

from upfit.measure.arrays import Array, Floats, checked
from upfit.measure.metrics import COUNTED, PROPORTIONS, Family, families
from upfit.measure.proportions import FEW, widened, wilson
from upfit.measure.resample import interval, plan, resampled
from upfit.values import Estimate, Task

_RANGES = dict.fromkeys(PROPORTIONS | {"calibration_error"}, (0.0, 1.0))
_RANGES |= dict.fromkeys(("spearman", "pearson"), (-1.0, 1.0))
_RANGES |= dict.fromkeys(("log_loss", "mae", "rmse"), (0.0, np.inf)) | {"r2": (-np.inf, 1.0)}


def evidence(
    task: Task, scores: Array, targets: Array, *, also: str = "", resamples: int = 1000, seed: int = 0
) -> dict[str, Estimate]:
    """Every metric of the task with a 95 % interval from a bootstrap over examples.

    Percentile intervals from `resamples` resamples. Where N x K is large, fewer resamples of a random subset
    of the rows are drawn, and 1.96 standard errors scaled to N are given. The calibration error's resamples
    are shifted onto its value, since resampling inflates it. With fewer than ten errors the intervals of
    accuracy and F1 are at least as wide as Wilson's for the accuracy, and a perfect ranking's is Wilson's.
    A metric that the targets do not define is left out.

    Args:
        task: What is predicted.
        scores: (N, K) probabilities, (N, 1) values for regression.
        targets: (N,) class indices, (N, K) 0/1 for multilabel, (N,) values for regression.
        also: The metric that decides, where it may be one with a level, such as `pinball_90`.
        resamples: How often the examples are drawn anew.
        seed: Decides the draws.

    Raises:
        DataError: shapes that do not fit, NaN scores, classes out of range.

    >>> scores = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]])
    >>> found = evidence("binary", scores, np.array([0, 1, 1, 1]))
    >>> found["accuracy"].low < 0.75 < found["accuracy"].high
    True
    """
    scores, targets = checked(task, scores, targets)
    least = _least(task, scores, targets)
    found: dict[str, Estimate] = {}
    for family in families(task, also):
        estimates = _estimates(family, scores, targets, resamples=resamples, seed=seed)
        for name, estimate in estimates.items():
            wide = widened(estimate, least) if least and name in COUNTED else estimate
            found[name] = _within(_never_a_point(name, wide, len(scores)), _RANGES.get(name, (0.0, np.inf)))
    return found


def _estimates(
    family: Family, scores: Floats, targets: Array, *, resamples: int, seed: int
) -> dict[str, Estimate]:
    outputs = scores.shape[1] if family.ranked else 1
    how = plan(len(scores), outputs, resamples=resamples, seed=seed)
    values = family.build(scores, targets)(np.ones((len(scores), 1)))
    # A subset may lack what defines a metric; then its interval is unknown and the metric is left out.
    drawn = resampled(family.build(scores[how.rows], targets[how.rows]), how, seed=seed)
    found = {
        name: interval(float(values[name][0]), drawn[name], how, centred=name == "calibration_error")
        for name in family.names
        if name in values and name in drawn
    }
    return {name: estimate for name, estimate in found.items() if estimate is not None}


def _least(task: Task, scores: Floats, targets: Array) -> Estimate | None:
    """Wilson's interval of the examples got entirely right, where errors or hits are few."""
    if task == "regression":
        return None
    if task == "multilabel":
        right = ((scores >= 0.5) == (targets > 0.5)).all(axis=1)
    else:
        right = scores.argmax(axis=1) == targets
    hits = int(right.sum())
    few = min(hits, len(right) - hits) < FEW
    return wilson(hits, len(right)) if few else None


def _never_a_point(name: str, estimate: Estimate, count: int) -> Estimate:
    """A perfect ranking resamples to perfect rankings; say no more than N hits out of N would."""
    if name in PROPORTIONS and estimate.high - estimate.low < 1e-9:
        return widened(estimate, wilson(round(estimate.value * count), count))
    return estimate


def _within(estimate: Estimate, span: tuple[float, float]) -> Estimate:
    low, high = np.clip((estimate.low, estimate.high), *span)
    return Estimate(estimate.value, float(low), float(high))
