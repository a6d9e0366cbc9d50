"""A name for a new folder that nobody asked for by name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any


def free_name(parent: str, source: Any) -> Path:
    """The first `PARENT/NAME-N` that does not exist; NAME is the source's own.

    >>> free_name("runs-of-nobody", "photos/flowers.zip").as_posix()
    'runs-of-nobody/flowers-1'
    """
    stem = Path(source).resolve().stem if isinstance(source, str | Path) else "data"
    name = re.sub(r"[^\w.-]+", "-", stem)[:60] or "data"
    number = 1
    while Path(parent, f"{name}-{number}").exists():
        number += 1
    return Path(parent, f"{name}-{number}")


def claimed_name(parent: str, source: Any) -> Path:
    """As `free_name`, and the folder is made: no two commands that run at once write into one.

    >>> first, second = claimed_name("claims", "a.csv"), claimed_name("claims", "a.csv")
    >>> first.name, second.name
    ('a-1', 'a-2')
    """
    while True:
        place = free_name(parent, source)
        try:
            place.mkdir(parents=True)
        except FileExistsError:
            continue
        return place
