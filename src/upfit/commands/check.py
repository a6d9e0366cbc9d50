"""`upfit check` behind its flags: the text for stdout."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from upfit.diagnose.text import finding_lines
from upfit.journey.check import CheckUp, check


def run_check(source: str | None, *, as_json: bool, settings: Mapping[str, Any]) -> str:
    """Check data or a run folder, and return what to print.

    Raises:
        InputError: Something about the data, the flags or the folder.
    """
    found = check(source, **settings)
    return json.dumps(found.to_dict(), indent=1) if as_json else as_text(found)


def as_text(found: CheckUp) -> str:
    """Verdict, findings with their evidence and cures, and what could not be measured."""
    lines = [found.diagnosis.verdict, ""]
    for number, finding in enumerate(found.findings, start=1):
        lines += finding_lines(number, finding)
    tests = len(found.checked.measured.facts)
    lines.append(f"Measured: {tests} numbers in {found.checked.seconds:.1f} s, nothing was changed.")
    lines += [f"Could not run: {name} ({why})" for name, why in found.checked.measured.skipped.items()]
    return "\n".join(lines)
