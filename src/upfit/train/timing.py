"""Clock: how much of the budget is spent, and how much has to be kept for the end."""

from __future__ import annotations

import time
from dataclasses import dataclass

from upfit.values import Split

FINISHING_SECONDS = 5.0
"""Intervals, report and saving, beside what depends on the data."""


class Clock:
    """Counts from the user's first key stroke, over all sessions of a run.

    Args:
        budget: Seconds in all; None for no limit.
        started: `time.time()` when this session began; now, where missing.
        spent: Seconds that earlier sessions used.
    """

    def __init__(self, budget: float | None, started: float | None = None, *, spent: float = 0.0) -> None:
        self.budget = budget
        # Wall time may be set back while a run lasts; the monotonic clock may not.
        self._began = time.monotonic() - (0.0 if started is None else max(0.0, time.time() - started))
        self._before = spent

    @property
    def spent(self) -> float:
        """Seconds used so far."""
        return self._before + time.monotonic() - self._began

    @property
    def left(self) -> float | None:
        """Seconds left; None without a budget."""
        return None if self.budget is None else self.budget - self.spent

    def deadline(self, reserve: float) -> float | None:
        """`time.monotonic()` at which only `reserve` seconds will be left."""
        return None if self.left is None else time.monotonic() + self.left - reserve


@dataclass(frozen=True)
class Rates:
    """Seconds measured here: a forward pass per example, a training step, fitting a linear head."""

    forward: float
    step: float
    head: float

    def evaluation(self, split: Split) -> float:
        """One evaluation on validation."""
        return self.forward * len(split.validation)

    def refit(self, split: Split) -> float:
        """Features of training and validation rows, and a head on them."""
        return self.forward * (len(split.train) + len(split.validation)) + self.head

    def finish(self, split: Split) -> float:
        """Everything after tuning and refitting."""
        return self.forward * (len(split.validation) + len(split.test)) + FINISHING_SECONDS
