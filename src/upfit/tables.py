"""Predictions on disk: CSV, JSON lines or Parquet, by the file's ending."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from upfit.errors import InputError, RunFolderError

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


def write_table(answers: pandas.DataFrame, path: Path) -> None:
    """Write aside and rename, so that a reader never sees half a file."""
    aside = path.with_name(f".{path.name}.part")
    try:
        if path.suffix == ".csv":
            answers.to_csv(aside, index=False)
        elif path.suffix == ".jsonl":
            answers.to_json(aside, orient="records", lines=True, force_ascii=False)
        else:
            answers.to_parquet(aside, index=False)
        aside.replace(path)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise RunFolderError(
            f"cannot write {path}: {error.strerror or error}", hint="another --out"
        ) from None
