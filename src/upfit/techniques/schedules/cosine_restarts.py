"""Cosine with warm restarts: several cosines, each beginning at the full rate again."""

from __future__ import annotations

from upfit.techniques.card import Card
from upfit.techniques.schedules.cosine import cosine
from upfit.techniques.schedules.moment import Moment
from upfit.values.recipe import Schedule


def cosine_restarts(progress: float, *, cycles: int, growth: float = 1.0, floor: float = 0.0) -> float:
    """`cycles` cosines from 1 to `floor`, each `growth` times as long as the one before.

    The same as `torch.optim.lr_scheduler.CosineAnnealingWarmRestarts` with the first cycle as long as it
    takes for all to fit, and `T_mult = growth`.

    Example:
        >>> [round(cosine_restarts(step / 6, cycles=2, growth=2.0), 2) for step in range(6)]
        [1.0, 0.5, 1.0, 0.85, 0.5, 0.15]
    """
    ends = [0.0, *(_end(number, cycles, growth) for number in range(1, cycles + 1))]
    begun = max(number for number in range(cycles) if progress >= ends[number])
    return cosine((progress - ends[begun]) / (ends[begun + 1] - ends[begun]), floor=floor)


def _end(number: int, cycles: int, growth: float) -> float:
    """Where cycle `number` (from 1) ends, as a fraction of all."""
    if growth == 1:
        return number / cycles
    # Divided by growth**cycles above and below: no power can then be too large for a number.
    return float((growth ** (number - cycles) - growth**-cycles) / (1 - growth**-cycles))


def at(schedule: Schedule, moment: Moment) -> float:
    """The multiplier at a moment of a run."""
    return cosine_restarts(
        moment.progress, cycles=schedule.cycles, growth=schedule.growth, floor=schedule.floor
    )


CARD = Card(
    name="cosine_restarts",
    switch="schedule.name=cosine_restarts",
    row="T2",
    what="schedule.cycles (3) cosines in a row, each schedule.growth (2) times as long as the one before.",
    when="Snapshots for an ensemble are wanted; a run that may be cut off at the end of any cycle.",
    when_not="A single run of known length: plain cosine wastes no steps on climbing again.",
    combine="Evaluate at least once a cycle (stopping.evaluations); patience has to outlast a restart.",
    source="Loshchilov and Hutter 2017, arXiv:1608.03983; Huang et al. 2017, arXiv:1704.00109",
)
