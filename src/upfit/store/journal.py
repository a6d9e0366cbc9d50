"""The journal of a run: `trace.jsonl`, one record a line, cut back to the checkpoint on resume."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from upfit.store.atomic import write_text
from upfit.store.damage import reading
from upfit.values import Evaluation, Event, Step, Trace
from upfit.values.trace import Health

Record = Step | Evaluation | Event | Health

KINDS: dict[str, type[Record]] = {
    "step": Step,
    "evaluation": Evaluation,
    "event": Event,
    "health": Health,
}

REPLAYED = ("plan", "out_of_memory", "rolled_back")
"""Kinds of events that clocks and memory decide, and cures that began earlier than what made them needed."""


class Journal:
    """Appends records to a file; with `path=None` it keeps them in memory."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._kept: list[Record] = []
        self._file = None if path is None else path.open("a", encoding="utf-8")

    @property
    def records(self) -> list[Record]:
        """All records, read back from the file where there is one: memory must not grow with steps."""
        return self._kept if self.path is None else list(_read(self.path))

    def add(self, record: Record) -> None:
        """Keep a record, or hand its line to the operating system."""
        if self._file is None:
            self._kept.append(record)
        else:
            self._file.write(_line(record))
            self._file.flush()

    def cut(self, step: int) -> tuple[Event, ...]:
        """Forget what came after `step`, since it will be done again; returns the events of `REPLAYED` kinds.

        Those happen again, so that a resumed run ends with the weights of the run that was killed.
        """
        records = self.records
        later = [record for record in records if record.step > step]
        self._kept = [record for record in self._kept if record.step <= step]
        if self.path is not None and (later or _is_torn(self.path)):
            if self._file is not None:
                self._file.close()
            write_text(self.path, "".join(_line(record) for record in records if record.step <= step))
            self._file = self.path.open("a", encoding="utf-8")
        return tuple(r for r in later if isinstance(r, Event) and r.kind in REPLAYED)

    def trace(self) -> Trace:
        """All records as a Trace."""
        return _trace(self.records)

    def close(self) -> None:
        """Close the file; safe to call twice."""
        if self._file is not None:
            self._file.close()
            self._file = None


def read_trace(path: Path) -> Trace:
    """The Trace in a `trace.jsonl`; a last line cut short by a kill is left out."""
    with reading(path):
        return _trace(list(_read(path)))


def _is_torn(path: Path) -> bool:
    """Whether a kill left the last line without its end: what is appended next would be lost with it."""
    content = path.read_bytes()
    return bool(content) and not content.endswith(b"\n")


def _trace(records: list[Record]) -> Trace:
    steps = tuple(r for r in records if isinstance(r, Step))
    evaluations = tuple(r for r in records if isinstance(r, Evaluation))
    events = tuple(r for r in records if isinstance(r, Event))
    return Trace(steps, evaluations, events, tuple(r for r in records if isinstance(r, Health)))


def _line(record: Record) -> str:
    kind = type(record).__name__.lower()
    return json.dumps({"kind_of_record": kind, **_finite(asdict(record))}) + "\n"


def _finite(value: Any) -> Any:
    """JSON has no NaN: such numbers become null and are read back as NaN."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _read(path: Path) -> Iterator[Record]:
    if not path.is_file():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            fields = json.loads(line)
        except ValueError:
            continue
        make = KINDS.get(fields.pop("kind_of_record", "")) if isinstance(fields, dict) else None
        if make is not None:
            yield make(**{name: _number(value) for name, value in fields.items()})


def _number(value: Any) -> Any:
    """The reverse of `_finite`."""
    if isinstance(value, dict):
        return {key: _number(item) for key, item in value.items()}
    return math.nan if value is None else value
