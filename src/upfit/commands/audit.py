"""`upfit audit` behind its flags: audit, write, and the text for stdout."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from upfit.audit.finding import times
from upfit.commands.again import next_command
from upfit.curate.audit import audit
from upfit.curate.audit_files import PAGE, PLAN, free_folder, write_audit
from upfit.report.audit_table import audit_lines, audit_table
from upfit.store.free_name import claimed_name


def run_audit(
    data: str | None, out: Path | None, *, overwrite: bool, as_json: bool, settings: Mapping[str, Any]
) -> str:
    """Audit, write the folder, and return what to print.

    Raises:
        InputError: Something about the data, the flags or the folder.
    """
    source = data or settings["train"]
    free_folder(source, out, overwrite=overwrite)  # minutes before it is written to
    found = audit(data, **settings)
    paths = write_audit(found, out or claimed_name("audits", source))
    if as_json:
        return json.dumps(found.to_dict(), indent=1)
    doubtful = sum(action.doubtful for action in found.plan.actions)
    proposed = times(len(found.plan.actions), "proposed edit")
    proposed += f", {doubtful} of them to be looked at first: {paths[PLAN]}\n"
    again = next_command("clean", data, settings, "--plan", str(paths[PLAN]), "--out", "FOLDER")
    proposed += f"(keep what you agree with, then: {again})"
    tail = f"\npage with examples: {paths[PAGE]}\n" + (proposed if found.plan.actions else "")
    if not sys.__stdout__ or not sys.__stdout__.isatty():
        return audit_lines(found.findings) + "\n" + tail
    console = Console(width=None)
    with console.capture() as captured:
        console.print(audit_table(found.findings))
    return captured.get() + tail
