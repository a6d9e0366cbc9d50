"""The mark of a run folder, by which a wrong path is refused before anything heavy is loaded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from upfit.errors import RunFolderError, nearest

VERSION = 1
MARK = "run.json"


def require_run(path: Path) -> None:
    """Refuse what is no run folder, or one of a newer version.

    Raises:
        RunFolderError: With the run that was probably meant.

    Example:
        >>> require_run(Path("no/such/run"))
        Traceback (most recent call last):
        ...
        upfit.errors.RunFolderError: no/such/run is not a run folder
          expected: a folder with run.json in it
          try:      a run's path is printed when it ends: runs/NAME-N
    """
    mark = path / MARK
    if not mark.is_file():
        raise RunFolderError(
            f"{path} is not a run folder", expected=f"a folder with {MARK} in it", hint=_run_meant(path)
        )
    marked = parse_json(mark)
    if not isinstance(marked, dict):
        raise RunFolderError(f"{mark} is damaged: it holds no fields")
    version = marked.get("version")
    if not isinstance(version, int) or version > VERSION:
        raise RunFolderError(
            f"{path} was written by a newer upfit",
            expected=f"version {VERSION} or older",
            got=f"version {version}",
            hint="pip install --upgrade upfit",
        )


def parse_json(path: Path) -> Any:
    """A JSON file's content.

    Raises:
        RunFolderError: It is missing or damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RunFolderError(f"{path} is missing: the run did not get that far") from None
    except ValueError as error:
        raise RunFolderError(f"{path} is damaged: {error}") from error


def _run_meant(path: Path) -> str:
    """The run whose name is nearest, beside the path or in `runs`; else where runs are."""
    known = [mark.parent for place in (path.parent, Path("runs")) for mark in place.glob(f"*/{MARK}")]
    by_name = {run.name: run for run in known}
    guess = nearest(path.name, by_name)
    return f"did you mean {by_name[guess]}?" if guess else "a run's path is printed when it ends: runs/NAME-N"
