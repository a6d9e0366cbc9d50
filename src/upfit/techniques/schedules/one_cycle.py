"""One cycle: up from a low rate and down to almost none."""

from __future__ import annotations

from upfit.techniques.card import Card
from upfit.techniques.schedules.cosine import cosine
from upfit.techniques.schedules.moment import Moment
from upfit.values.recipe import Schedule

START, END = 1 / 25, 1 / 250_000
"""First and last multiplier, as `torch.optim.lr_scheduler.OneCycleLR` sets them."""


def one_cycle(progress: float, *, floor: float = 0.0) -> float:
    """The falling half: a cosine from 1 to `END`, or to `floor` where that is higher.

    The rising half is the warm-up, from `START` to 1.

    Example:
        >>> one_cycle(0.0), one_cycle(1.0)
        (1.0, 4e-06)
    """
    return cosine(progress, floor=max(floor, END))


def at(schedule: Schedule, moment: Moment) -> float:
    """The multiplier at a moment of a run."""
    return one_cycle(moment.progress, floor=schedule.floor)


CARD = Card(
    name="one_cycle",
    switch="schedule.name=one_cycle",
    row="T2",
    what="The warm-up rises from 1/25 of the rate, a cosine falls to 1/250,000 of it. Smith's cycle is "
    "schedule.warmup=0.3 with schedule.warmup_shape=cosine.",
    when="Fresh networks and large rates, especially with sgd (optimizer.lr=range_test finds how large).",
    when_not="Careful fine-tunes: a long climb spends a third of the run on rates that are too small.",
    combine="sgd, range_test. The momentum is not cycled.",
    source="Smith and Topin 2018, arXiv:1708.07120; torch.optim.lr_scheduler.OneCycleLR",
)
