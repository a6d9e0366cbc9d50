"""Source: what one reader returned, before anything is known about its meaning."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

import pyarrow as pa

from upfit.values import PART, Finding, Part

PIXELS, WIDTH, HEIGHT = "__pixels__", "__width__", "__height__"
"""Hidden columns: hash of the decoded pixels of a row's images, and the first image's size in pixels."""

HIDDEN = (PART, PIXELS, WIDTH, HEIGHT)
"""Columns of a finished table that are not the user's."""

PARTS: tuple[Part, ...] = get_args(Part)

_PART_NAMES: dict[str, Part] = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}


def part_named(name: str) -> Part | None:
    """The part that a file, a folder or a key is named for, or None.

    >>> part_named("Val"), part_named("train_5shot")
    ('validation', None)
    """
    return _PART_NAMES.get(name.lower())


@dataclass(frozen=True, eq=False)
class Source:
    """Rows as they were found.

    Args:
        table: The rows; memory-mapped where they came from a file. CSV and JSONL cells are all strings.
        key: SHA-256 (hex) that changes when the content does; names this source in the cache.
        name: For messages: the path, or the type of object.
        folder: Where relative image paths start; None when there is no such place.
        lists: Columns whose strings are JSON lists.
        target: The target, where the kind of source settles it (a folder of class folders).
        classes: Columns that hold names of classes by construction, even where these look like numbers.
        findings: What the reader noticed.
    """

    table: pa.Table
    key: str
    name: str
    folder: Path | None = None
    lists: frozenset[str] = frozenset()
    target: tuple[str, ...] = ()
    classes: frozenset[str] = frozenset()
    findings: tuple[Finding, ...] = field(default=())
