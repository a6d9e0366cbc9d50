"""The places where parts plug in. Each is a Protocol with a user in this package."""

from __future__ import annotations

from typing import Protocol

from upfit.values.trace import Evaluation, Event, Step


class Watcher(Protocol):
    """Sees what happens, as it happens; bends nothing. A progress display, a log."""

    def stage(self, title: str) -> None:
        """A stage of the journey begins: reading, probing, tuning."""

    def advance(self, done: int, total: int) -> None:
        """`done` of `total` units of the present stage are finished."""

    def step(self, record: Step, total_steps: int) -> None:
        """An optimiser step was taken; `total_steps` is the plan as it stands."""

    def evaluation(self, record: Evaluation) -> None:
        """Validation was measured."""

    def event(self, record: Event) -> None:
        """The plan changed, training stopped early, or a checkpoint was skipped."""

    def note(self, text: str) -> None:
        """A line for the user to read once."""

    def close(self) -> None:
        """The run is over, well or not; safe to call twice."""


class Silent:
    """A watcher that says nothing."""

    def stage(self, title: str) -> None:
        """Say nothing."""

    def advance(self, done: int, total: int) -> None:
        """Say nothing."""

    def step(self, record: Step, total_steps: int) -> None:
        """Say nothing."""

    def evaluation(self, record: Evaluation) -> None:
        """Say nothing."""

    def event(self, record: Event) -> None:
        """Say nothing."""

    def note(self, text: str) -> None:
        """Say nothing."""

    def close(self) -> None:
        """Nothing to close."""
