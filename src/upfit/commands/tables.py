"""Predictions on disk: CSV, JSON lines or Parquet, by the file's ending."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from upfit.errors import InputError, RunFolderError
from upfit.report.printable import printable

if TYPE_CHECKING:
    import pandas

ENDINGS = (".csv", ".jsonl", ".parquet")


def check_table(path: Path, *, overwrite: bool) -> None:
    """Refuse a name that cannot be written before the model is loaded."""
    if path.suffix not in ENDINGS:
        raise InputError(
            f"predictions cannot be written to {path.name!r}",
            expected="a name that ends in " + ", ".join(ENDINGS),
        )
    if path.exists() and not overwrite:
        raise RunFolderError(f"{path} exists already", hint="another --out, or --overwrite")
    from upfit.store.room import require_room

    require_room(path.parent)


def shown(answers: pandas.DataFrame) -> str:
    """The rows as CSV for stdout: every byte as it is for a file or a pipe, harmless on a terminal."""
    table = str(answers.to_csv(index=False))
    return printable(table) if sys.stdout.isatty() else table


def write_table(answers: pandas.DataFrame, path: Path) -> None:
    """Write the rows to `path`, or raise `RunFolderError` and leave what was there."""
    from upfit.store.atomic import write_with

    writers: dict[str, Callable[[Path], object]] = {
        ".csv": lambda aside: answers.to_csv(aside, index=False),
        ".jsonl": lambda aside: answers.to_json(aside, orient="records", lines=True, force_ascii=False),
        ".parquet": lambda aside: answers.to_parquet(aside, index=False),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_with(path, writers[path.suffix])
