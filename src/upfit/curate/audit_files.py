"""Where an audit or an error analysis goes on disk: a page, a plan, and JSON, in a folder of its own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from upfit.audit.result import Audit
from upfit.diagnose.mistakes.result import Mistakes
from upfit.errors import InputError
from upfit.report.audit_page import audit_page, mistakes_page
from upfit.store.atomic import is_leftover, write_text
from upfit.store.free_name import free_name
from upfit.store.room import require_room

PAGE, PLAN, RESULT = FILES = ("audit.html", "plan.yaml", "audit.json")
ERRORS = ("errors.html", "plan.yaml", "errors.json")
_CALLED = {"errors.html": "error analysis", "augment.html": "augmentation"}


def free_folder(source: Any, out: Path | None, *, overwrite: bool) -> Path:
    """The folder that an audit is written to: the one asked for, or the first free `audits/NAME-N`.

    Raises:
        InputError: It holds something else, or an audit that is not to be replaced.
    """
    return own_folder(out, free_name("audits", source), holds=(PAGE, PLAN, RESULT), overwrite=overwrite)


def own_folder(out: Path | None, free: Path, *, holds: Sequence[str], overwrite: bool) -> Path:
    """The folder asked for, if it is free or holds nothing but earlier results; else `free`.

    What a kill left half-written is cleared away; of the files that it left whole, the user is told.

    Args:
        out: What was asked for.
        free: Where to write if nothing was.
        holds: Names of the files that a result consists of, in the order in which they are written.
        overwrite: Whether earlier results may be replaced.

    Raises:
        InputError: It cannot be made, holds something else, or results that are not to be replaced.
    """
    require_room(out or free)
    if out is None:
        return free
    inside = {entry.name: entry for entry in out.iterdir()} if out.exists() else {}
    halves = [inside.pop(name) for name in [*inside] if is_leftover(name, holds)]
    if inside.keys() - {*holds}:
        raise InputError(f"{out} holds other files", expected="a new folder", hint="--out ANOTHER")
    if inside and not overwrite:
        what = _CALLED.get(holds[0], Path(holds[0]).stem)
        found = f"an {what} already" if holds[-1] in inside else f"part of an {what} that was interrupted"
        raise InputError(f"{out} holds {found}", hint="--overwrite, or --out ANOTHER")
    for half in halves:
        half.unlink(missing_ok=True)
    return out


def write_audit(audit: Audit, folder: Path) -> dict[str, Path]:
    """Write the page, the plan and the JSON; returns their paths."""
    return _written(audit, audit_page(audit), folder, dict(zip(FILES, FILES, strict=True)))


def write_mistakes(mistakes: Mistakes, folder: Path) -> dict[str, Path]:
    """The same for what a run gets wrong.

    Raises:
        RunFolderError: The folder cannot be written to.
    """
    require_room(folder)
    return _written(mistakes, mistakes_page(mistakes), folder, dict(zip(FILES, ERRORS, strict=True)))


def _written(found: Audit | Mistakes, page: str, folder: Path, names: dict[str, str]) -> dict[str, Path]:
    contents = {
        PAGE: page,
        PLAN: found.plan.to_yaml(),
        RESULT: json.dumps(found.to_dict(), indent=1),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in contents.items():
        write_text(folder / names[name], text)
    return {name: folder / names[name] for name in contents}
