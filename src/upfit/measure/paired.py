"""Is one model better than another on the same examples?"""

from __future__ import annotations

import numpy as np

from upfit.errors import DataError
from upfit.measure.arrays import Array, Floats, checked
from upfit.measure.metrics import COUNTED, Family, family_of, higher_is_better
from upfit.measure.proportions import FEW, paired_proportions, widened
from upfit.measure.resample import interval, plan, resampled
from upfit.measure.statistic import Statistic
from upfit.values import Estimate, Task


def paired_gain(
    task: Task,
    metric: str,
    scores_a: Array,
    scores_b: Array,
    targets: Array,
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> Estimate:
    """What model a gains over model b on a metric, with a 95 % interval; positive means a is better.

    Both are measured on the same resamples, so what makes examples hard for both cancels out. An interval
    that holds 0 means: the difference may be noise. Where the two disagree on fewer than ten examples the
    intervals of accuracy and F1 are at least as wide as Bonett and Price's for paired proportions. Between
    equal scores the gain is 0, for certain.

    Args:
        task: What is predicted.
        metric: A metric of the task.
        scores_a: (N, K) scores of model a.
        scores_b: (N, K) scores of model b for the same examples.
        targets: Targets of those examples, as in `evidence`.
        resamples: How often the examples are drawn anew.
        seed: Decides the draws.

    Raises:
        DataError: shapes that do not fit, NaN scores, or a metric that these targets do not define.
        RecipeError: a metric that the task does not have.

    >>> good, poor = np.array([[0.9, 0.1]] * 20), np.array([[0.2, 0.8]] * 20)
    >>> paired_gain("binary", "accuracy", good, poor, np.zeros(20, int)).value
    1.0
    """
    family = family_of(task, metric)
    a, targets = checked(task, scores_a, targets)
    b, _ = checked(task, scores_b, targets)
    if np.array_equal(a, b):
        return Estimate(0.0, 0.0, 0.0)
    how = plan(len(a), 2 * a.shape[1] if family.ranked else 1, resamples=resamples, seed=seed)

    value = float(_gains(family, metric, a, b, targets)(np.ones((len(a), 1)))[metric][0])
    subset = _gains(family, metric, a[how.rows], b[how.rows], targets[how.rows])
    drawn = resampled(subset, how, seed=seed)[metric]
    found = interval(value, drawn, how)
    if found is None:
        raise DataError(f"these targets do not define {metric}", hint="compare on another metric")
    least = _least(task, a, b, targets) if metric in COUNTED else None
    return widened(found, least) if least else found


def _gains(family: Family, metric: str, a: Floats, b: Floats, targets: Array) -> Statistic:
    """The gain of a over b in every resample."""
    first, second = family.build(a, targets), family.build(b, targets)
    sign = 1 if higher_is_better(metric) else -1
    unknown = np.full(1, np.nan)

    def measure(counts_NR: Floats) -> dict[str, Floats]:
        gain = first(counts_NR).get(metric, unknown) - second(counts_NR).get(metric, unknown)
        return {metric: sign * gain}

    return measure


def _least(task: Task, a: Floats, b: Floats, targets: Array) -> Estimate | None:
    """The interval of the accuracies' difference, where the two models disagree on few examples."""
    right_a, right_b = _right(task, a, targets), _right(task, b, targets)
    better, worse = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    return paired_proportions(better, worse, len(a)) if better + worse < FEW else None


def _right(task: Task, scores: Floats, targets: Array) -> Array:
    if task == "multilabel":
        return np.asarray(((scores >= 0.5) == (targets > 0.5)).all(axis=1))
    return np.asarray(scores.argmax(axis=1) == targets)
