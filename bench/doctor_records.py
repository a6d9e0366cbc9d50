"""Where `doctor.py` keeps its runs: a line of figures each, and what was seen in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from common import RAW, RESULTS, read_lines

LINES = RESULTS / "doctor.jsonl"
Key = tuple[str, str, int]
"""Case or control, its form, seed."""


def latest() -> dict[Key, dict[str, Any]]:
    """The newest record of each run."""
    return {key_of(one): one for one in read_lines(LINES)}


def key_of(record: dict[str, Any]) -> Key:
    """What a record is kept under."""
    return record["name"], record["form"], record["seed"]


def trace_path(key: Key) -> Path:
    """Where is kept what the Doctor saw."""
    return RAW / "doctor" / f"{'-'.join(map(str, key))}.jsonl"


def others_path(key: Key) -> Path:
    """Where is kept what the rules of other tools look at."""
    return RAW / "doctor_others" / f"{'-'.join(map(str, key))}.json"
