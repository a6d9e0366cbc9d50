"""The one shape that every metric has here: counts in, a number per resample out."""

from __future__ import annotations

from collections.abc import Callable

from upfit.measure.arrays import Floats

Statistic = Callable[[Floats], dict[str, Floats]]
"""From `counts_NR` (how often each of N examples was drawn in each of R resamples) to (R,) values by metric.

A column of ones gives the metric itself, so a metric and its bootstrap can never disagree.
NaN marks a resample in which the metric is not defined.
"""
