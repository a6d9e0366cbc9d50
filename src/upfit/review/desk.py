"""Desk: the rows to look at, what was decided about them, and who decides."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np

from upfit.audit.subject import Subject
from upfit.data.cells import cells
from upfit.errors import InputError
from upfit.review.permitted import Permitted
from upfit.review.reasons import Suspect
from upfit.store.corrections_file import Ledger
from upfit.values import Data
from upfit.values.corrections import Correction

State = Literal["all", "open", "done", "keep", "relabel", "drop"]
Deed = Literal["keep", "relabel", "drop"]


class Desk:
    """Everything behind the page but HTTP; safe to use from several threads.

    Args:
        data: What is reviewed, with the parts of a run where one is reviewed.
        suspects: In the order in which to look at them.
        ledger: Where decisions go.
        by: Who decides.
    """

    def __init__(self, data: Data, suspects: Sequence[Suspect], ledger: Ledger, *, by: str) -> None:
        self.data = data
        self.suspects = {one.row: one for one in suspects}
        self._totals = Counter(kind for one in suspects for kind in _kinds(one))
        self.ledger = ledger
        self.by = by
        self.permitted = Permitted(data)
        self.subject = Subject(data)
        self._open = set(self.subject.open_rows.tolist())
        self._labels = self._labels_of(np.array(sorted(self._open), np.int64))
        self._deciding = threading.RLock()
        self._mine: list[int] = []
        for one in ledger.corrections.entries:
            self._remember(one)

    def label(self, row: int) -> Any:
        """The label in the data: a class, a number, or names of classes; None where it is sealed."""
        return self._labels.get(row)

    def rows(self, *, kind: str = "", label: str = "", state: State = "all") -> list[int]:
        """Rows to look at, in order.

        Args:
            kind: Only those with a reason of this kind.
            label: Only those that have this class in the data.
            state: Only those that are decided (`done`), not yet (`open`), or decided in this way.
        """
        return [
            row
            for row, one in self.suspects.items()
            if (not kind or any(reason.kind == kind for reason in one.reasons))
            and (not label or self._has(row, label))
            and self._is(row, state)
        ]

    def counts(self) -> dict[str, dict[str, int]]:
        """For each kind of reason how many rows have it, and how many of them are decided."""
        done: Counter[str] = Counter()
        for row in self.ledger.standing.all():
            if row in self.suspects:
                done.update(_kinds(self.suspects[row]))
        return {kind: {"total": count, "done": done[kind]} for kind, count in self._totals.items()}

    def decided(self) -> dict[str, int]:
        """How many rows are kept, relabelled and dropped."""
        counted = Counter(one.do for one in self.ledger.standing.all().values())
        return {deed: counted[deed] for deed in ("keep", "relabel", "drop")}

    def decide(self, row: int, do: Deed, to: Any = None) -> Correction:
        """Write a decision down; it is on the disk when this returns.

        Raises:
            InputError: No such row, no such label, or the disk is full.
        """
        if row not in self._open:
            raise InputError(f"row {row} is not open to corrections", expected="a row of train or validation")
        if do == "relabel":
            to = self.permitted.label(to)
        with self._deciding:
            made = self.ledger.add(Correction(row=row, do=do, to=to if do == "relabel" else None, by=self.by))
            self._remember(made)
        return made

    def undo(self) -> int | None:
        """Take back one's own newest decision; returns its row, or None where there is none."""
        with self._deciding:
            if not self._mine:
                return None
            made = self.ledger.add(Correction(row=self._mine[-1], do="undo", by=self.by))
            self._remember(made)
            return made.row

    def _remember(self, one: Correction) -> None:
        """Keep the rows of one's own decisions, so that undo goes back through them, after a restart too."""
        if one.by != self.by:
            return
        if one.do != "undo":
            self._mine.append(one.row)
        elif one.row in self._mine:
            del self._mine[len(self._mine) - 1 - self._mine[::-1].index(one.row)]

    def _is(self, row: int, state: State) -> bool:
        if state == "all":
            return True
        one = self.ledger.standing.of(row)
        if state in ("open", "done"):
            return (one is not None) == (state == "done")
        return one is not None and one.do == state

    def _has(self, row: int, label: str) -> bool:
        known = self._labels.get(row)
        return label in known if isinstance(known, list) else str(known) == label

    def _labels_of(self, rows: np.ndarray) -> dict[int, Any]:
        schema = self.data.schema
        columns = [cells(self.data, name, rows).to_pylist() for name in schema.target]
        if len(columns) == 1:
            return dict(zip(rows.tolist(), columns[0], strict=True))
        flags: Iterable[tuple[Any, ...]] = zip(*columns, strict=True)
        named = ([name for name, on in zip(schema.target, one, strict=True) if on] for one in flags)
        return dict(zip(rows.tolist(), named, strict=True))


def _kinds(suspect: Suspect) -> set[str]:
    """The kinds of a row's reasons, and "" for all rows."""
    return {"", *(reason.kind for reason in suspect.reasons)}
