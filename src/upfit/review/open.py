"""Open a desk: read the data or the run, look for suspects (or remember them), open the file of decisions."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from upfit.audit.subject import Subject
from upfit.curate.audit import subject_of
from upfit.curate.corrected import with_column
from upfit.data.read import read_once
from upfit.errors import InputError, UpfitError
from upfit.journey.runs import data_of, load_run
from upfit.review.desk import Desk
from upfit.review.permitted import Permitted
from upfit.review.pictures import roots_of
from upfit.review.reasons import Reason, Suspect
from upfit.review.retrain import Plan
from upfit.review.suspects import suspects_of
from upfit.store import RunFolder
from upfit.store.atomic import write_text
from upfit.store.corrections_file import Ledger
from upfit.values import PART, Data, Predictions, Recipe, Split, Watcher
from upfit.values.corrections import SEVERAL, Corrections

VERSION = 1
CACHE, FILE = "suspects.json", "corrections.jsonl"


@dataclass(frozen=True, eq=False)
class Subjects:
    """What is to be reviewed.

    Args:
        data: As they were read; for a run with the run's parts, so that its test part stays sealed.
        request: What a run on them was asked for, or would be.
        roots: Folders that its images may lie in.
        run: The run under review, or None.
        predictions: What it said about validation.
    """

    data: Data
    request: Mapping[str, Any]
    roots: tuple[Path, ...]
    run: Path | None = None
    predictions: Predictions | None = None


def of_run(folder: Path) -> Subjects:
    """A finished run and its data.

    Raises:
        RunFolderError: No finished run, or its data are gone or have changed.
    """
    run, found = load_run(folder), RunFolder.open(folder)
    data, request = data_of(found), found.read_json("request.json")
    roots = roots_of(request)
    return Subjects(with_parts(data, run.split), request, roots, folder.resolve(), run.predictions)


def of_data(data: Any, request: Mapping[str, Any]) -> Subjects:
    """Data that no run was made of yet.

    Raises:
        DataError: They cannot be read.
    """
    asked = {name: request.get(name) for name in ("target", "task", "kinds", "group", "time")}
    read = read_once(data, **(request.get("parts") or {}), **asked)
    return Subjects(read, request, roots_of(request))


def with_parts(data: Data, split: Split) -> Data:
    """The data as if a run's parts had come with them: what it keeps sealed stays sealed."""
    parts = np.full(len(data), "", dtype=object)
    for name in ("train", "validation", "test"):
        parts[getattr(split, name)] = name
    return with_column(data, PART, pa.array(parts.tolist(), pa.string()))


def folder_of(data: Data, source: Any) -> Path:
    """Where the decisions about data go: the same folder whenever the same data are reviewed."""
    stem = Path(source).resolve().stem if isinstance(source, str | Path) else "data"
    name = re.sub(r"[^\w.-]+", "-", stem)[:60] or "data"
    return Path("reviews", f"{name}-{data.fingerprint[:8]}")


def open_desk(
    subjects: Subjects,
    *,
    folder: Path,
    file: Path | None,
    by: str,
    settings: Mapping[str, Any],
    watcher: Watcher,
) -> tuple[Desk, Plan]:
    """The desk over what is reviewed, and what retraining needs.

    Args:
        subjects: What is reviewed.
        folder: Where suspects and runs are kept.
        file: The file of decisions; one in `folder` where None.
        by: Who decides.
        settings: `model` and `rows` of the audit; `everything` also lists rows that nothing is said of;
            `fresh` looks for suspects again.
        watcher: Sees progress.

    Raises:
        InputError: The file belongs to other data or says what these cannot follow, or another page has it
            open.
    """
    data = subjects.data
    about = Corrections(
        fingerprint=data.fingerprint, target=SEVERAL.join(data.schema.target), source=data.source
    )
    ledger = Ledger(file or folder / FILE, about, Permitted(data).require)
    try:
        suspects = _remembered(subjects, folder, settings, watcher)
    except BaseException:
        ledger.close()
        raise
    if settings.get("everything"):
        rest = set(Subject(data).open_rows.tolist()) - {one.row for one in suspects}
        suspects = [*suspects, *(Suspect(row, (Reason("other", "not suspected"),)) for row in sorted(rest))]
    return Desk(data, suspects, ledger, by=by), Plan(subjects.request, ledger.path, folder, subjects.run)


def _remembered(
    subjects: Subjects, folder: Path, settings: Mapping[str, Any], watcher: Watcher
) -> Sequence[Suspect]:
    """Suspects as they were found before, or found now and kept."""
    path = folder / CACHE
    run = (
        "" if subjects.run is None else f"{subjects.run}:{(subjects.run / 'result.json').stat().st_mtime_ns}"
    )
    asked = {"version": VERSION, "fingerprint": subjects.data.fingerprint, "run": run}
    asked |= {"model": settings["model"], "rows": settings["rows"]}
    if not settings.get("fresh"):
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            if kept["asked"] == asked:
                return [_suspect(one) for one in kept["suspects"]]
        except (OSError, ValueError, KeyError, TypeError):
            pass
    subject = subject_of(subjects.data, model=settings["model"], rows=settings["rows"], watcher=watcher)
    try:
        found = suspects_of(subject, subjects.predictions, noted=watcher.stage)
    finally:
        watcher.close()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = {"asked": asked, "suspects": [asdict(one) for one in found]}
        write_text(path, json.dumps(written, ensure_ascii=False))
    except (OSError, UpfitError):
        watcher.note(f"{path} cannot be written, so that the next start looks again")
    return found


def _suspect(fields: Mapping[str, Any]) -> Suspect:
    reasons = (Reason(**{**one, "like": tuple(one["like"])}) for one in fields["reasons"])
    return Suspect(int(fields["row"]), tuple(reasons))


def recipe_of(model: str) -> str | None:
    """The recipe that a first run would start from; None for the default one."""
    return None if model == "auto" else Recipe().replace(backbone=model).to_yaml()


def require_one(sources: Sequence[str]) -> str | None:
    """The run or the data that was named, or None.

    Raises:
        InputError: Several were.
    """
    if len(sources) > 1:
        hint = "upfit review --merge A B for files of corrections"
        raise InputError("one run or one source of data at a time", got=", ".join(sources), hint=hint)
    return sources[0] if sources else None
