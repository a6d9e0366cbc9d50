"""Several watchers as one."""

from __future__ import annotations

from upfit.values import Evaluation, Event, Step, Watcher


class Watchers:
    """Passes everything on to several watchers, in order.

    >>> from upfit.values import Silent
    >>> Watchers(Silent(), Silent()).note("seen by both")
    """

    def __init__(self, *watchers: Watcher) -> None:
        self.watchers = watchers

    def stage(self, title: str) -> None:
        """Tell every watcher."""
        for one in self.watchers:
            one.stage(title)

    def advance(self, done: int, total: int) -> None:
        """Tell every watcher."""
        for one in self.watchers:
            one.advance(done, total)

    def step(self, record: Step, total_steps: int) -> None:
        """Tell every watcher."""
        for one in self.watchers:
            one.step(record, total_steps)

    def evaluation(self, record: Evaluation) -> None:
        """Tell every watcher."""
        for one in self.watchers:
            one.evaluation(record)

    def event(self, record: Event) -> None:
        """Tell every watcher."""
        for one in self.watchers:
            one.event(record)

    def note(self, text: str) -> None:
        """Tell every watcher."""
        for one in self.watchers:
            one.note(text)

    def close(self) -> None:
        """Close every watcher."""
        for one in self.watchers:
            one.close()
