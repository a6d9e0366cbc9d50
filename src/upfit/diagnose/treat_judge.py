"""Is a cure worth keeping? Only beyond noise, on validation, in every pair of seeds."""

from __future__ import annotations

from collections.abc import Sequence

from upfit.values import Estimate


def judged(gains: Sequence[Estimate]) -> tuple[Estimate, bool]:
    """The gain over pairs of trials with one seed each, and whether it is beyond noise.

    The interval is the mean of the pairs' intervals, which is wider than that of their mean: what is kept
    stays, so a wrong yes costs more than a wrong no.

    Args:
        gains: One a seed, paired over the same validation examples, positive is better.

    >>> judged([Estimate(0.1, 0.05, 0.2), Estimate(0.2, 0.1, 0.3)])[1]
    True
    >>> judged([Estimate(0.3, 0.2, 0.4), Estimate(-0.01, -0.05, 0.03)])[1]
    False
    """
    count = len(gains)
    mean = Estimate(
        sum(gain.value for gain in gains) / count,
        sum(gain.low for gain in gains) / count,
        sum(gain.high for gain in gains) / count,
    )
    return mean, mean.low > 0 and all(gain.value > 0 for gain in gains)
