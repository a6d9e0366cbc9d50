"""Polynomial decay: the remaining part of the run, to a power."""

from __future__ import annotations

from upfit.techniques.card import Card
from upfit.techniques.schedules.moment import Moment
from upfit.values.recipe import Schedule


def polynomial(progress: float, *, power: float, floor: float = 0.0) -> float:
    """`(1 - progress) ** power` from 1 to `floor` (`torch.optim.lr_scheduler.PolynomialLR`).

    Example:
        >>> polynomial(0.5, power=2.0)
        0.25
    """
    return floor + (1 - floor) * float((1 - progress) ** power)


def at(schedule: Schedule, moment: Moment) -> float:
    """The multiplier at a moment of a run."""
    return polynomial(moment.progress, power=schedule.power, floor=schedule.floor)


CARD = Card(
    name="polynomial",
    switch="schedule.name=polynomial",
    row="T2",
    what="The remaining part of the run to schedule.power (2): a parabola from the full rate to the floor.",
    when="When the end of a run deserves small rates for longer than linear gives; 0.9 as in segmentation.",
    when_not="Powers far above 2 on short runs: the rate is gone before the weights are there.",
    combine="Any warm-up.",
    source="Chen et al. 2017, arXiv:1606.00915; torch.optim.lr_scheduler.PolynomialLR",
)
