"""Learning-rate schedules, one a file: where a run stands → multiplier of the rate."""

from __future__ import annotations

from collections.abc import Callable

from upfit.techniques.schedules import (
    constant,
    cosine,
    cosine_restarts,
    exponential,
    linear,
    multi_step,
    one_cycle,
    plateau,
    polynomial,
    step,
    warm_up,
    wsd,
)
from upfit.techniques.schedules.moment import Moment
from upfit.values.recipe import Schedule

SCHEDULES: dict[str, Callable[[Schedule, Moment], float]] = {
    "constant": constant.at,
    "step": step.at,
    "multi_step": multi_step.at,
    "exponential": exponential.at,
    "linear": linear.at,
    "polynomial": polynomial.at,
    "cosine": cosine.at,
    "cosine_restarts": cosine_restarts.at,
    "one_cycle": one_cycle.at,
    "wsd": wsd.at,
    "plateau": plateau.at,
}


def multiplier(
    schedule: Schedule, step: int, total: int, *, per_epoch: int = 1, plateau_factor: float = 1.0
) -> float:
    """The rate's multiplier for step `step` (from 0) of `total`.

    A pure function of its arguments: moving the run's end moves the decay, and a resumed run needs nothing
    but its step. What `plateau` depends on besides is the product of its cuts so far, kept by the run.

    Args:
        schedule: The recipe's.
        step: Optimizer steps taken.
        total: Optimizer steps of the run.
        per_epoch: Optimizer steps of an epoch, for lengths in epochs.
        plateau_factor: What schedule `plateau` has multiplied the rate by so far.

    Example:
        >>> multiplier(Schedule(name="linear", warmup=0.0), 50, 100)
        0.5
        >>> often = Schedule(name="step", warmup="5 steps", every="3 epochs")
        >>> round(multiplier(often, 60, 100, per_epoch=10), 6)
        0.01
    """
    moment = Moment.of(schedule, step, total, per_epoch=per_epoch, plateau_factor=plateau_factor)
    start = one_cycle.START if schedule.name == "one_cycle" else None
    rise = warm_up.warm_up(step, moment.warm, shape=schedule.warmup_shape, start=start)
    return rise * SCHEDULES[schedule.name](schedule, moment)


def mean_multiplier(schedule: Schedule, total: int, *, per_epoch: int = 1) -> float:
    """The mean of the rate's multipliers over a run of `total` steps, from a thousand of them at most.

    Example:
        >>> round(mean_multiplier(Schedule(), 400), 2)
        0.5
    """
    steps = range(0, total, -(-total // 1000))
    return sum(multiplier(schedule, step, total, per_epoch=per_epoch) for step in steps) / max(1, len(steps))


__all__ = ["SCHEDULES", "Moment", "mean_multiplier", "multiplier"]
