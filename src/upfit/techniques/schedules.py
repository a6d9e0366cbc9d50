"""Learning-rate schedules: fraction of the run done → multiplier of the rate."""

from __future__ import annotations

import math
from collections.abc import Callable

from upfit.values.recipe import Schedule


def cosine(progress: float) -> float:
    """Half a cosine from 1 to 0 (Loshchilov and Hutter 2017, without restarts)."""
    return 0.5 * (1 + math.cos(math.pi * progress))


def linear(progress: float) -> float:
    """A straight line from 1 to 0."""
    return 1 - progress


def constant(progress: float) -> float:
    """Always 1."""
    return 1.0


DECAYS: dict[str, Callable[[float], float]] = {
    "cosine": cosine,
    "linear": linear,
    "constant": constant,
}


def multiplier(schedule: Schedule, step: int, total: int) -> float:
    """The rate's multiplier for step `step` (from 0) of `total`.

    The warm-up rises linearly over `schedule.warmup * total` steps and starts above zero; the decay
    takes the rest. A pure function of its arguments: moving the run's end forward moves the decay.

    Example:
        >>> multiplier(Schedule(name="linear", warmup=0.0), 50, 100)
        0.5
    """
    warm = round(schedule.warmup * total)
    if step < warm:
        return (step + 1) / (warm + 1)
    done = (step - warm) / max(1, total - warm)
    return DECAYS[schedule.name](min(1.0, done))
