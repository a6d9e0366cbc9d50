"""What Python callers see who give no watcher: Python's own logging, so that they decide what is shown."""

from __future__ import annotations

import logging

from upfit.values.noted import Noted
from upfit.values.seams import Silent
from upfit.values.trace import Evaluation, Event

LOG = logging.getLogger("upfit")


class Logged(Silent):
    """Notes are warnings, which Python shows unless it is told otherwise; stages and the like are at INFO.

    Example:
        >>> import logging, sys
        >>> shown = logging.StreamHandler(sys.stdout)
        >>> LOG.addHandler(shown)
        >>> Logged().note("schedule.cycles does nothing: the schedule is cosine")
        schedule.cycles does nothing: the schedule is cosine
        >>> LOG.removeHandler(shown)
    """

    def __init__(self) -> None:
        self._noted = Noted()

    def stage(self, title: str) -> None:
        """Log it at INFO."""
        LOG.info("%s", title)

    def evaluation(self, record: Evaluation) -> None:
        """Log it at INFO."""
        metrics = "  ".join(f"{name} {value:.4g}" for name, value in record.metrics.items())
        LOG.info("validation at step %s: loss %.4g  %s", f"{record.step:,}", record.loss, metrics)

    def event(self, record: Event) -> None:
        """Log it at INFO."""
        LOG.info("step %s: %s", f"{record.step:,}", record.text)

    def note(self, text: str) -> None:
        """Warn of it, once."""
        if self._noted.is_new(text):
            LOG.warning("%s", text)
