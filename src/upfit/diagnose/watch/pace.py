"""How much of a loop's time watching takes, and how often it may look."""

from __future__ import annotations

import math
import time
from collections import deque

import numpy as np

ALL = 200
"""Steps that are all taken note of, whatever it costs; what goes wrong early shows there."""
LATEST = 32
RAREST = 50
UNSEEN = 15e-6
"""Seconds of a watched step that no clock in here sees: the call itself, the hook on the forward pass, caches
that are filled again. Measured on steps of 1.7 ms."""
PATIENT = 50
"""Steps after which a look at the probe is made as soon as there is time for it."""


class Pace:
    """Keeps the time that watching takes to a share of the loop's.

    Half of the share is for notes (the loss, the rate), the rest for looks inside the network. Where a step
    is so short that a note would cost more, only every `every`-th step is taken note of.

    Args:
        share: Fraction of the loop's time; None where time does not matter.

    Example:
        >>> pace = Pace(0.02)
        >>> pace.begin()
        >>> pace.noted(1, seconds=1e-5)
        >>> pace.every
        1
    """

    def __init__(self, share: float | None) -> None:
        self.share = share
        self.every = 1
        self.probe_seconds = math.nan
        self.probed_at = 0
        self._seen = 0.0
        self._steps = 0
        self._started = math.nan
        self._notes: deque[float] = deque(maxlen=LATEST)

    def begin(self) -> None:
        """The loop begins; later calls change nothing."""
        if math.isnan(self._started):
            self._started = time.perf_counter()

    def took(self, seconds: float) -> None:
        """Watching took so many seconds by the clock."""
        self._seen += seconds

    @property
    def spent(self) -> float:
        """Seconds that watching has taken."""
        return self._seen + UNSEEN * self._steps

    @property
    def elapsed(self) -> float:
        """Seconds since the first step; 0 before it."""
        return 0.0 if math.isnan(self._started) else time.perf_counter() - self._started

    @property
    def is_ahead(self) -> bool:
        """Whether looking has taken less than it may have by now."""
        return self.share is None or self.spent < self.share * self.elapsed

    def noted(self, number: int, *, seconds: float) -> None:
        """Note `number` has taken so many seconds, looks inside not counted."""
        self._steps = number
        self._notes.append(seconds)
        if self.share is not None and number > ALL and number % LATEST < self.every:
            allowed = (self.share * self.elapsed / number - UNSEEN) / 2
            cost = float(np.median(self._notes))
            self.every = min(RAREST, math.ceil(cost / allowed)) if cost < RAREST * allowed else RAREST

    def may_probe(self, number: int, wanted: bool) -> bool:
        """Whether a look at the probe before step `number` is wanted and affordable."""
        if self.share is None:
            return wanted
        if not wanted and number - self.probed_at < PATIENT:
            return False
        known = not math.isnan(self.probe_seconds)
        # Sixteen passes over batches, a step being three of them.
        cost = self.probe_seconds if known else 16 / 3 * self.elapsed / max(1, number)
        return self.spent + cost < self.share * self.elapsed
