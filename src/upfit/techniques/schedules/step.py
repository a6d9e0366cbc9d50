"""Step decay: the rate is multiplied by a factor at even distances."""

from __future__ import annotations

from upfit.techniques.card import Card
from upfit.techniques.schedules.moment import Moment
from upfit.values.recipe import Schedule


def step_decay(step: int, *, every: int, factor: float) -> float:
    """`factor` once for each `every` steps that are over (`torch.optim.lr_scheduler.StepLR`).

    Example:
        >>> [step_decay(step, every=2, factor=0.5) for step in range(5)]
        [1.0, 1.0, 0.5, 0.5, 0.25]
    """
    return float(factor ** (step // every))


def at(schedule: Schedule, moment: Moment) -> float:
    """The multiplier at a moment of a run; distances are counted from its first step."""
    return max(
        schedule.floor,
        step_decay(moment.step, every=moment.steps(schedule.every), factor=schedule.factor),
    )


CARD = Card(
    name="step",
    switch="schedule.name=step",
    row="T2",
    what="Multiplies the rate by schedule.factor (0.1) after each schedule.every (a third of the run).",
    when="To repeat a recipe that was published with it (ResNets: every 30 epochs).",
    when_not="Short fine-tunes: cosine and linear need no dates, and decay is rarely worse.",
    combine="Any warm-up; the warm-up should be shorter than schedule.every.",
    source="He et al. 2016, arXiv:1512.03385; torch.optim.lr_scheduler.StepLR",
)
