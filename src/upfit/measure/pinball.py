"""Pinball loss of a predicted quantile: a metric with a level in its name, `pinball_90`."""

from __future__ import annotations

import re

import numpy as np

from upfit.measure.arrays import Floats
from upfit.measure.statistic import Statistic

_NAME = re.compile(r"^pinball_(\d{1,2}(?:\.\d+)?)$")


def pinball_name(quantile: float) -> str:
    """The metric that judges predictions of a quantile.

    Example:
        >>> pinball_name(0.9), pinball_name(0.025)
        ('pinball_90', 'pinball_2.5')
    """
    return f"pinball_{100 * quantile:g}"


def pinball_level(metric: str) -> float | None:
    """The quantile that a metric judges, as a fraction; None for any other metric.

    Example:
        >>> pinball_level("pinball_90"), pinball_level("rmse"), pinball_level("pinball_0")
        (0.9, None, None)
    """
    found = _NAME.match(metric)
    level = float(found[1]) / 100 if found else 0.0
    return level or None


def pinball(scores_N1: Floats, values_N: Floats, *, quantile: float) -> Statistic:
    """Mean of `quantile` per unit too low and `1 - quantile` per unit too high.

    Source: Koenker and Bassett 1978; scikit-learn's `mean_pinball_loss`.
    """
    short_N = values_N - scores_N1[:, 0]
    losses_N = np.maximum(quantile * short_N, (quantile - 1) * short_N)
    name = pinball_name(quantile)

    def measure(counts_NR: Floats) -> dict[str, Floats]:
        return {name: losses_N @ counts_NR / counts_NR.sum(axis=0)}

    return measure
