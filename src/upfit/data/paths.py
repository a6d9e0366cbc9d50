"""Paths that a user named: whether anything is there is asked before anything heavy is loaded."""

from __future__ import annotations

from pathlib import Path

from upfit.errors import DataError, nearest

KNOWN = "a folder of class folders, a CSV, TSV, JSONL or Parquet file, a DataFrame, or a dataset"


def existing(given: str | Path) -> Path:
    """The path, when it is there.

    Raises:
        DataError: It is not; the nearest name beside it is suggested.
    """
    if not str(given).strip():
        raise DataError("the path is empty", expected=KNOWN, hint="is a variable of the shell unset?")
    if "://" in str(given):
        raise DataError(f"{given} is an address, and nothing is fetched", expected=KNOWN, hint="download it")
    path = Path(given).expanduser()
    try:
        if path.exists():
            return path
    except OSError:
        pass
    parent = path.parent
    try:
        known = [entry.name for entry in parent.iterdir()] if parent.is_dir() else []
    except OSError:
        known = []
    guess = nearest(path.name, known)
    hint = (
        f"did you mean {parent / guess}?"
        if guess
        else f"check the spelling; the working folder is {Path.cwd()}"
    )
    raise DataError(f"there is nothing at {path}", expected=KNOWN, hint=hint)
