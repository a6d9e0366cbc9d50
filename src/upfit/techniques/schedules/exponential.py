"""Exponential decay: the rate shrinks by the same factor over every stretch of the same length."""

from __future__ import annotations

from upfit.techniques.card import Card
from upfit.techniques.schedules.moment import Moment
from upfit.values.recipe import Schedule


def exponential_decay(step: int, *, every: int, factor: float) -> float:
    """`factor` to the power of `step / every`: step decay without the steps.

    Example:
        >>> [round(exponential_decay(step, every=2, factor=0.25), 3) for step in range(4)]
        [1.0, 0.5, 0.25, 0.125]
    """
    return float(factor ** (step / every))


def at(schedule: Schedule, moment: Moment) -> float:
    """The multiplier at a moment of a run; the decay begins where the warm-up ends."""
    every = moment.steps(schedule.every)
    decayed = exponential_decay(moment.step - moment.warm, every=every, factor=schedule.factor)
    return max(schedule.floor, decayed)


CARD = Card(
    name="exponential",
    switch="schedule.name=exponential",
    row="T2",
    what="Multiplies the rate by schedule.factor (0.1) over each schedule.every (a third of the run).",
    when="Long runs whose end is not known; to repeat a published recipe (schedule.every='1 epoch').",
    when_not="Short runs: most of the time is spent at rates that are small already.",
    combine="Any warm-up.",
    source="torch.optim.lr_scheduler.ExponentialLR",
)
