"""Where a run stands, as schedules look at it."""

from __future__ import annotations

from dataclasses import dataclass

from upfit.values.length import steps_of
from upfit.values.recipe import Schedule


@dataclass(frozen=True)
class Moment:
    """A step of a run.

    Args:
        step: Optimizer steps taken; while the rate warms up, those of the whole warm-up, since the decay
            stands still until then.
        warm: Steps of the warm-up.
        total: Steps of the run.
        per_epoch: Steps of an epoch.
        plateau_factor: The product of the cuts of schedule `plateau` so far.
    """

    step: int
    warm: int
    total: int
    per_epoch: int = 1
    plateau_factor: float = 1.0

    @classmethod
    def of(
        cls, schedule: Schedule, step: int, total: int, *, per_epoch: int = 1, plateau_factor: float = 1.0
    ) -> Moment:
        """The moment before step `step` (from 0) of a run with that schedule."""
        warm = min(total, steps_of(schedule.warmup, total=total, per_epoch=per_epoch))
        return cls(max(step, warm), warm, total, per_epoch, plateau_factor)

    @property
    def progress(self) -> float:
        """The fraction done of what comes after the warm-up."""
        return min(1.0, (self.step - self.warm) / max(1, self.total - self.warm))

    def steps(self, length: float | str) -> int:
        """A length in steps, at least one."""
        return max(1, steps_of(length, total=self.total, per_epoch=self.per_epoch))
