"""Pace: keeps a run within its time by moving the schedule's end forward, never back."""

from __future__ import annotations

import math
import time


class Pace:
    """Measures what steps and evaluations cost, and says how many steps still fit.

    Args:
        deadline: `time.monotonic()` at which training has to be over; None for no limit.
        evaluate_every: Steps between evaluations.
    """

    def __init__(self, deadline: float | None, *, evaluate_every: int) -> None:
        self.deadline = deadline
        self.evaluate_every = evaluate_every
        self._step_seconds = 0.0
        self._steps = 0
        self._evaluation_seconds = 0.0
        self._mark = time.monotonic()

    def stepped(self) -> None:
        """A step was taken since the last call."""
        now = time.monotonic()
        self._step_seconds += now - self._mark
        self._steps += 1
        self._mark = now

    def evaluated(self) -> None:
        """An evaluation (and whatever else is not a step) took place since the last call."""
        now = time.monotonic()
        self._evaluation_seconds = max(now - self._mark, self._evaluation_seconds / 2)
        self._mark = now

    def affordable(self, step: int, total: int) -> int:
        """The total number of steps that fits, at most `total`; less than 3 % too many is left alone."""
        if self.deadline is None or self._steps == 0:
            return total
        left = self.deadline - time.monotonic()
        rate = self._step_seconds / self._steps
        whole = rate + self._evaluation_seconds / self.evaluate_every
        # The last evaluation is always made, so its time is not for steps.
        fits = step + max(0, math.floor((left - self._evaluation_seconds) / whole))
        return fits if fits < total - 0.03 * (total - step) else total

    @property
    def over(self) -> bool:
        """Whether the deadline has passed."""
        return self.deadline is not None and time.monotonic() > self.deadline
