"""How long a test may take where others use the same processor."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator

PATIENCE = 3.0


def within(seconds: float) -> Iterator[int]:
    """0, 1, 2 … until the thread has worked for so long, or thrice that long by the clock.

    What a test sees should not depend on who else is at work on the machine: steps are cut short by what they
    cost. Waiting for a loader or for a GPU counts by the clock alone.

    Example:
        >>> list(within(0.0))[:1]
        []
    """
    begun, worked = time.monotonic(), time.thread_time()
    for number in itertools.count():
        if time.thread_time() - worked >= seconds or time.monotonic() - begun >= PATIENCE * seconds:
            return
        yield number
