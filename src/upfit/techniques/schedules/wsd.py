"""Warmup-stable-decay: the full rate for most of the run, and a short decay at its end."""

from __future__ import annotations

import math

from upfit.techniques.card import Card
from upfit.techniques.schedules.moment import Moment
from upfit.values.recipe import Schedule


def stable_decay(step: int, *, start: int, end: int, floor: float = 0.0) -> float:
    """1 until step `start`, then `1 - sqrt(done)` down to `floor` at step `end`.

    Example:
        >>> [stable_decay(step, start=2, end=6) for step in (0, 2, 3, 6)]
        [1.0, 1.0, 0.5, 0.0]
    """
    if step <= start:
        return 1.0
    done = min(1.0, (step - start) / max(1, end - start))
    return floor + (1 - floor) * (1 - math.sqrt(done))


def at(schedule: Schedule, moment: Moment) -> float:
    """The multiplier at a moment of a run; the decay never begins before the warm-up has ended."""
    start = max(moment.warm, moment.total - moment.steps(schedule.decay))
    return stable_decay(moment.step, start=start, end=moment.total, floor=schedule.floor)


CARD = Card(
    name="wsd",
    switch="schedule.name=wsd",
    row="T2",
    what="Warm-up, the full rate, and over the last schedule.decay (a fifth) 1 - sqrt down to the floor.",
    when="The length of the run is not known beforehand: the decay can begin at any time.",
    when_not="Nothing is known against it; on runs of known length cosine is about equal.",
    combine="Any warm-up.",
    source="Hu et al. 2024, arXiv:2404.06395; Hägele et al. 2024, arXiv:2405.18392 (1 - sqrt)",
)
