"""Why a row is looked at: its reasons, put together and in order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

KINDS = ("label", "error", "conflict", "leak", "duplicate", "outlier", "other")
"""Why a row is looked at, the likeliest to need a correction first; `other`: nothing speaks against it."""


@dataclass(frozen=True)
class Reason:
    """Why a row is looked at.

    Args:
        kind: One of `KINDS`.
        note: In words.
        score: Higher is graver, among reasons of one kind.
        to: The label that is proposed, or None.
        like: Rows that it resembles.
    """

    kind: str
    note: str
    score: float = 0.0
    to: str | None = None
    like: tuple[int, ...] = ()


@dataclass(frozen=True)
class Suspect:
    """A row with its reasons, the gravest first."""

    row: int
    reasons: tuple[Reason, ...]

    @property
    def gravity(self) -> tuple[int, float, int]:
        """Sorts the gravest first."""
        return KINDS.index(self.reasons[0].kind), -self.reasons[0].score, self.row


def gathered(found: Iterable[tuple[int, Reason]], *, open_rows: Iterable[int]) -> tuple[Suspect, ...]:
    """Reasons put together by row, in the order in which to look at them."""
    seen = set(open_rows)
    by_row: dict[int, list[Reason]] = defaultdict(list)
    for row, reason in found:
        if row in seen:
            by_row[row].append(reason)
    made = [
        Suspect(row, tuple(sorted(reasons, key=lambda one: (KINDS.index(one.kind), -one.score))))
        for row, reasons in by_row.items()
    ]
    return tuple(sorted(made, key=lambda one: one.gravity))
