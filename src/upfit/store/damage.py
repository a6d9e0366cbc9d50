"""Files of a run that do not hold what was written: one error that names the place, whatever it broke."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from upfit.errors import RecipeError, RunFolderError

_BROKEN = (OSError, ValueError, LookupError, TypeError, AttributeError, RecipeError)
"""What reading raises on fields that are missing, of another type, or no JSON or Parquet at all.

Our own values refuse a field of theirs by a RecipeError, which knows no file.
"""


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Around the reading of files that upfit wrote itself.

    Args:
        path: The file, or the folder of several.

    Raises:
        RunFolderError: They are not as they were written.

    Example:
        >>> with reading(Path("run/result.json")):
        ...     {}["test"]
        Traceback (most recent call last):
        upfit.errors.RunFolderError: run/result.json is damaged or from another version: KeyError: 'test'
          try:      put back a copy of it, or train anew
    """
    try:
        yield
    except FileNotFoundError as error:
        raise RunFolderError(f"{error.filename or path} is missing", hint=_HINT) from error
    except _BROKEN as error:
        lines = str(error).strip().splitlines() or ["no message"]
        reason = lines[0] if isinstance(error, RecipeError) else f"{type(error).__name__}: {lines[0]}"
        raise RunFolderError(f"{path} is damaged or from another version: {reason}", hint=_HINT) from error


_HINT = "put back a copy of it, or train anew"
