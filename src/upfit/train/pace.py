"""Pace: keeps a run within its time by moving the schedule's end; never beyond where it was planned."""

from __future__ import annotations

import math
import time
from collections import deque

WINDOW = 100
"""Latest steps that the rate is taken from: machines slow down and recover."""
LEAST = 12
"""Steps needed before the rate says anything."""


class Pace:
    """Measures what steps and evaluations cost, and says how many steps fit.

    Args:
        deadline: `time.monotonic()` at which training has to be over; None for no limit.
        evaluate_every: Steps between evaluations.
        total_steps: Steps that are wanted; the end never moves beyond.
        evaluation_seconds: What an evaluation should take, until one was timed.
    """

    def __init__(
        self,
        deadline: float | None,
        *,
        evaluate_every: int,
        total_steps: int,
        evaluation_seconds: float = 0.0,
    ) -> None:
        self.deadline = deadline
        self.evaluate_every = evaluate_every
        self.total_steps = total_steps
        self._recent: deque[float] = deque(maxlen=WINDOW)
        self._evaluation_seconds = evaluation_seconds
        self._mark = time.monotonic()

    def stepped(self) -> None:
        """A step was taken since the last call."""
        now = time.monotonic()
        self._recent.append(now - self._mark)
        self._mark = now

    def evaluated(self) -> None:
        """An evaluation (and whatever else is not a step) took place since the last call."""
        now = time.monotonic()
        self._evaluation_seconds = max(now - self._mark, self._evaluation_seconds / 2)
        self._mark = now

    def affordable(self, step: int, present: int) -> int:
        """The total number of steps that fits; the present total where that is about right."""
        if self.deadline is None or len(self._recent) < LEAST:
            return present
        left = self.deadline - time.monotonic()
        rate = sum(self._recent) / len(self._recent)
        whole = rate + self._evaluation_seconds / self.evaluate_every
        # The last evaluation is always made, so its time is not for steps.
        fits = step + max(0, math.floor((left - self._evaluation_seconds) / whole))
        fits = min(self.total_steps, fits)
        # Cut soon, lengthen late: a plan that follows every flutter of the clock is no plan.
        margin = 0.1 if fits < present else 0.3
        return present if abs(fits - present) <= margin * (present - step) else fits

    @property
    def over(self) -> bool:
        """Whether the deadline has passed."""
        return self.deadline is not None and time.monotonic() > self.deadline
