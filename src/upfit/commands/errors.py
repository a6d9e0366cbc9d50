"""`upfit errors` behind its flags: analyse, write, and the text for stdout."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from upfit.audit.finding import times
from upfit.commands.again import next_command
from upfit.curate.audit_files import ERRORS, PAGE, PLAN, own_folder, write_mistakes
from upfit.diagnose.mistakes.result import Mistakes
from upfit.journey.error_analysis import error_analysis
from upfit.report.audit_table import audit_lines
from upfit.store import RunFolder
from upfit.values import Watcher

BESIDE = "errors"
"""The folder in that of the run, where none is asked for."""


def run_errors(
    run: Path, out: Path | None, *, overwrite: bool = False, as_json: bool, watcher: Watcher
) -> str:
    """Analyse, write page and plan, and return what to print.

    Raises:
        InputError: `out` holds something else, or results that are not to be replaced.
        RunFolderError: Something about the run or the folder.
    """
    folder = own_folder(out, run / BESIDE, holds=ERRORS, overwrite=overwrite)
    found = error_analysis(run, watcher=watcher)
    paths = write_mistakes(found, folder if out or overwrite else _unedited(folder, found.plan.to_yaml()))
    if as_json:
        return json.dumps([one.model_dump(mode="json") for one in found.findings], indent=1)
    tail = [f"page with examples: {paths[PAGE]}"]
    tail += _next(found, RunFolder.open(run).read_json("request.json"), paths[PLAN])
    return audit_lines(found.findings, cures=True) + "\n\n" + "\n".join(tail)


def _unedited(folder: Path, plan: str) -> Path:
    """The folder, or the first beside it, whose plan nobody has cut down: that would be lost."""
    number, place = 1, folder
    while (place / PLAN).exists() and (place / PLAN).read_bytes() != plan.encode():
        number += 1
        place = folder.with_name(f"{folder.name}-{number}")
    return place


def _next(found: Mistakes, request: Mapping[str, Any], plan: Path) -> list[str]:
    """How to try what is proposed."""
    lines = []
    if found.changes:
        fit = next_command("fit", request["data"], request)
        lines += ["changes of the recipe, best tried one at a time:"]
        lines += [f"  {fit} {one.flag}" for one in found.changes]
    if found.plan.actions:
        clean = next_command("clean", request["data"], request, "--plan", str(plan), "--out", "FOLDER")
        lines += [f"{times(len(found.plan.actions), 'proposal')} about the data: {plan}"]
        lines += [f"(keep what you agree with, then: {clean})"]
    return lines
