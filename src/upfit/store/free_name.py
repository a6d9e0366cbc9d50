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
