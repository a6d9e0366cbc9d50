"""Plateau: the rate is cut whenever validation has stopped improving."""

from __future__ import annotations

from upfit.techniques.card import Card
from upfit.techniques.schedules.moment import Moment
from upfit.values.recipe import Schedule


def cut_on_plateau(factor: float, stale: int, *, better: bool, schedule: Schedule) -> tuple[float, int]:
    """What an evaluation does to the rate: `torch.optim.lr_scheduler.ReduceLROnPlateau` as a pure function.

    Args:
        factor: The product of all cuts so far, 1 at first.
        stale: Evaluations without progress since the last progress or cut, 0 at first.
        better: Whether this evaluation is the best so far.
        schedule: `factor` of a cut, `patience`, and the `floor` below which nothing is cut.

    Returns:
        The new `(factor, stale)`.

    Example:
        >>> cut_on_plateau(1.0, 1, better=False, schedule=Schedule(name="plateau", patience=1))
        (0.1, 0)
    """
    stale = 0 if better else stale + 1
    if stale <= schedule.patience:
        return factor, stale
    return max(schedule.floor, factor * schedule.factor), 0


def at(schedule: Schedule, moment: Moment) -> float:
    """The multiplier at a moment of a run."""
    return moment.plateau_factor


CARD = Card(
    name="plateau",
    switch="schedule.name=plateau",
    row="T2",
    what="Multiplies the rate by schedule.factor (0.1) after more than schedule.patience (1) evaluations "
    "in a row without progress on validation.",
    when="How long to train is unknown, and evaluations are frequent and steady.",
    when_not="Few evaluations or a small validation part: chance decides when the rate falls.",
    combine="stopping.patience (5) counts on from the best evaluation: leave it room for a cut to work.",
    source="torch.optim.lr_scheduler.ReduceLROnPlateau",
)
