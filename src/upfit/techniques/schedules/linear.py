"""Linear decay: a straight line from the full rate to the floor."""

from __future__ import annotations

from upfit.techniques.card import Card
from upfit.techniques.schedules.moment import Moment
from upfit.values.recipe import Schedule


def linear(progress: float, *, floor: float = 0.0) -> float:
    """A straight line from 1 to `floor`.

    Example:
        >>> linear(0.25)
        0.75
    """
    return floor + (1 - floor) * (1 - progress)


def at(schedule: Schedule, moment: Moment) -> float:
    """The multiplier at a moment of a run."""
    return linear(moment.progress, floor=schedule.floor)


CARD = Card(
    name="linear",
    switch="schedule.name=linear",
    row="T2",
    what="A straight line from the full rate to schedule.floor (0).",
    when="Fine-tuning text models, where it is the custom; short runs.",
    when_not="Not known to do harm; cosine stays high for longer.",
    combine="Any warm-up.",
    source="Devlin et al. 2019, arXiv:1810.04805; Defazio et al. 2023, arXiv:2310.07831",
)
