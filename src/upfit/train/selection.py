"""Selection: which evaluation's weights are kept.

On a few hundred validation examples, a metric that counts hits moves by a percent from one evaluation to the
next for no reason. Among evaluations that are level within half a standard error, the one with the lowest
loss is kept: under label noise a model goes on gaining a lucky hit or two long after its loss began to rise.
"""

from __future__ import annotations

from upfit.measure.metrics import PROPORTIONS

SHARE = 0.5
"""Part of a standard error that counts as level."""


def level_within(metric: str, value: float, count: int) -> float:
    """How far apart two evaluations may be and count as level; 0 for metrics that are no proportion.

    Args:
        metric: Its name.
        value: About what it is, 0 to 1.
        count: Validation examples; 0 where that is not known.

    Example:
        >>> round(level_within("accuracy", 0.7, 189), 4), level_within("r2", 0.7, 189)
        (0.0167, 0.0)
    """
    if metric not in PROPORTIONS or count == 0:
        return 0.0
    # All hits would leave no room at all, though one more example might have been a miss.
    variance = max(value * (1 - value), 1 / (count + 1))
    return float(SHARE * (variance / count) ** 0.5)


def is_better(
    value: float, loss: float, *, best: tuple[float, float] | None, peak: float, level: float
) -> bool:
    """Whether an evaluation's weights should be kept instead of the best so far.

    Args:
        value: The metric, oriented so that more is better.
        loss: Validation loss.
        best: Value and loss of those kept so far.
        peak: The greatest value so far, this one included.
        level: How far below the peak counts as level with it.

    Example:
        >>> is_better(0.70, 0.88, best=(0.69, 0.78), peak=0.70, level=0.016)  # level, and the loss is worse
        False
        >>> is_better(0.72, 0.88, best=(0.69, 0.78), peak=0.72, level=0.016)
        True
    """
    if best is None:
        return True
    if value < peak - level:
        return False
    return best[0] < peak - level or (loss, -value) < (best[1], -best[0])
