"""Cosine decay: half a cosine from the full rate to the floor."""

from __future__ import annotations

import math

from upfit.techniques.card import Card
from upfit.techniques.schedules.moment import Moment
from upfit.values.recipe import Schedule


def cosine(progress: float, *, floor: float = 0.0) -> float:
    """Half a cosine from 1 to `floor` (`torch.optim.lr_scheduler.CosineAnnealingLR`).

    Example:
        >>> cosine(0.0), round(cosine(0.5), 3)
        (1.0, 0.5)
    """
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * progress))


def at(schedule: Schedule, moment: Moment) -> float:
    """The multiplier at a moment of a run."""
    return cosine(moment.progress, floor=schedule.floor)


CARD = Card(
    name="cosine",
    switch="schedule.name=cosine",
    row="T2",
    what="Half a cosine from the full rate to schedule.floor (0): slow, fast, slow. The default.",
    when="Nearly always, when the length of the run is known, as it is here.",
    when_not="When a run may have to go on after its end: wsd or constant.",
    combine="Any warm-up.",
    source="Loshchilov and Hutter 2017, arXiv:1608.03983",
    unmeasured="the default: the gains of other cards are differences from it",
)
