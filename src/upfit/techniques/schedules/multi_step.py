"""Multi-step decay: the rate is multiplied by a factor at given moments."""

from __future__ import annotations

from collections.abc import Iterable

from upfit.techniques.card import Card
from upfit.techniques.schedules.moment import Moment
from upfit.values.recipe import Schedule


def multi_step_decay(step: int, *, milestones: Iterable[int], factor: float) -> float:
    """`factor` once for each milestone that is reached (`torch.optim.lr_scheduler.MultiStepLR`).

    Example:
        >>> [multi_step_decay(step, milestones=(1, 3), factor=0.5) for step in range(4)]
        [1.0, 0.5, 0.5, 0.25]
    """
    return float(factor ** sum(step >= milestone for milestone in milestones))


def at(schedule: Schedule, moment: Moment) -> float:
    """The multiplier at a moment of a run; milestones are counted from its first step."""
    milestones = [moment.steps(milestone) for milestone in schedule.milestones]
    return max(schedule.floor, multi_step_decay(moment.step, milestones=milestones, factor=schedule.factor))


CARD = Card(
    name="multi_step",
    switch="schedule.name=multi_step",
    row="T2",
    what="Multiplies the rate by schedule.factor (0.1) at schedule.milestones (a half and three quarters).",
    when="To repeat a published recipe; when the moments at which the loss stands still are known.",
    when_not="When they are not: plateau finds them, cosine does without.",
    combine="Any warm-up that is over before the first milestone.",
    source="He et al. 2016, arXiv:1512.03385; torch.optim.lr_scheduler.MultiStepLR",
)
