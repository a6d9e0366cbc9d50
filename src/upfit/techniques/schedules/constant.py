"""Constant: the full rate until the end."""

from __future__ import annotations

from upfit.techniques.card import Card
from upfit.techniques.schedules.moment import Moment
from upfit.values.recipe import Schedule


def constant(progress: float) -> float:
    """Always 1."""
    return 1.0


def at(schedule: Schedule, moment: Moment) -> float:
    """The multiplier at a moment of a run."""
    return constant(moment.progress)


CARD = Card(
    name="constant",
    switch="schedule.name=constant",
    row="T2",
    what="The full rate from the end of the warm-up to the end of the run.",
    when="With averaged weights (EMA, SWA), which make up for the missing decay; runs of unknown length.",
    when_not="When the last weights are kept: they jitter as much at the end as in the middle.",
    combine="ema, swa.",
    source="Robbins and Monro 1951 show what it lacks",
)
