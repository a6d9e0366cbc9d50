"""Ctrl-C and SIGTERM: asked once, the run stops at the next step and is saved; asked twice, it stops now."""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType
from typing import Any

from upfit.errors import Interrupted

PATIENCE_SECONDS = 20.0
"""A loop that has not polled for so long is not running: the signal then acts at once."""


class Interrupts:
    """A context in which signals set a flag while a loop polls it, and raise `Interrupted` elsewhere."""

    def __init__(self) -> None:
        self.requested = False
        self._polled_at = -PATIENCE_SECONDS
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interrupts:
        # Only the main thread may set handlers; elsewhere the caller's own stay in force.
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._asked)
        return self

    def __exit__(self, *exc: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def poll(self) -> bool:
        """Whether somebody asked to stop; called after every step of a loop that can save itself."""
        self._polled_at = time.monotonic()
        return self.requested

    def _asked(self, number: int, frame: FrameType | None) -> None:
        looping = time.monotonic() - self._polled_at < PATIENCE_SECONDS
        if self.requested or not looping:
            raise Interrupted("interrupted")
        self.requested = True
