"""Intervals for proportions, for when resampling has (almost) nothing to resample.

A sample without an error resamples to samples without an error: the bootstrap would claim certainty. With
fewer than ten errors (or ten hits) the interval of a metric made of hits is therefore at least as wide as
the theory of proportions says.
"""

from __future__ import annotations

import math

# Quantiles of the beta distribution, without all of scipy.stats, which takes long to load.
from scipy.special import betaincinv

from upfit.values import Estimate

Z = 1.959963984540054
FEW = 10
LEVEL = 0.05
"""How often one of all intervals together may miss."""


def wilson(hits: float, count: int) -> Estimate:
    """Wilson's score interval of a proportion (Wilson 1927).

    >>> str(wilson(50, 50))
    '1.000 (0.929 to 1.000)'
    """
    share = hits / count
    centre = (share + Z**2 / (2 * count)) / (1 + Z**2 / count)
    spread = math.sqrt(share * (1 - share) / count + Z**2 / (4 * count**2))
    half = Z * spread / (1 + Z**2 / count)
    return Estimate(share, min(share, max(0.0, centre - half)), max(share, min(1.0, centre + half)))


def clopper_pearson(hits: int, count: int, tried: int = 1) -> Estimate:
    """The exact interval of a proportion, at 95 % for `tried` of them together (Clopper and Pearson 1934).

    >>> str(clopper_pearson(5, 10))
    '0.500 (0.187 to 0.813)'
    """
    tail = LEVEL / (2 * tried)
    low = float(betaincinv(hits, count - hits + 1, tail)) if hits else 0.0
    high = float(betaincinv(hits + 1, count - hits, 1 - tail)) if hits < count else 1.0
    return Estimate(hits / count, low, high)


def paired_proportions(better: int, worse: int, count: int) -> Estimate:
    """Interval of the difference of two proportions on the same examples (Bonett and Price 2012).

    Args:
        better: Examples that only the first got right.
        worse: Examples that only the second got right.
        count: All examples.

    >>> str(paired_proportions(0, 0, 50))
    '0.000 (-0.053 to 0.053)'
    """
    up, down = (better + 1) / (count + 2), (worse + 1) / (count + 2)
    half = Z * math.sqrt((up + down - (up - down) ** 2) / (count + 2))
    value = (better - worse) / count
    low, high = max(-1.0, up - down - half), min(1.0, up - down + half)
    return Estimate(value, min(value, low), max(value, high))


def widened(estimate: Estimate, least: Estimate) -> Estimate:
    """The estimate, reaching at least as far to each side of its value as `least` does."""
    below, above = least.value - least.low, least.high - least.value
    low, high = estimate.value - below, estimate.value + above
    return Estimate(estimate.value, min(estimate.low, low), max(estimate.high, high))
