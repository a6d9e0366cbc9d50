"""What an audit found as one HTML page: each finding with its worst examples to look at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from upfit.audit.result import Audit
from upfit.audit.subject import Subject
from upfit.data.texts import texts
from upfit.report.html import TEMPLATES
from upfit.report.thumbnails import thumbnail
from upfit.values import Data, Finding

SHOWN = 12
LONGEST = 400


@dataclass(frozen=True)
class Shown:
    """One example: its pictures, its texts, its label in the data, and what the check says about it.

    `about_row`: whether that is about this row, or about the whole finding.
    """

    images: tuple[str, ...]
    texts: tuple[str, ...]
    label: str
    note: str
    about_row: bool


def audit_page(audit: Audit) -> str:
    """The page. It asks for nothing over the network, and everything from the data is escaped."""
    pairs = [(finding, _examples(audit, finding)) for finding in audit.findings]
    entries = [(finding, shown, _sayings(finding, shown)) for finding, shown in pairs]
    counts = {
        grade: sum(one.severity == grade for one in audit.findings) for grade in ("error", "warning", "info")
    }
    page = TEMPLATES.get_template("audit.html.j2")
    return page.render(audit=audit, entries=entries, counts=counts, deeds=deeds)


def deeds(finding: Finding) -> tuple[str, ...]:
    """The proposed edits of a finding in words."""
    return tuple(
        f"{action.do}{f' {action.column!r}' if action.column else ''}"
        f"{f', {len(action.rows):,} rows' if action.rows else ''}"
        f"{', once looked at' if action.doubtful else ''}: {action.because}"
        for action in finding.actions
    )


def _examples(audit: Audit, finding: Finding) -> tuple[Shown, ...]:
    rows = np.array(finding.rows[:SHOWN], np.int64)
    if not len(rows) or not audit.data.schema.of_kind("image", "text"):
        return ()
    subject, written = Subject(audit.data), texts(audit.data, rows)
    found = []
    for place, (row, cells) in enumerate(zip(rows.tolist(), written, strict=True)):
        said = finding.examples[place] if place < len(finding.examples) else ""
        note, mine = _note(subject.show(row), said, row, pictures=bool(audit.data.schema.of_kind("image")))
        shown = tuple(text[:LONGEST] for text in cells if text)
        found.append(Shown(_pictures(audit.data, row), shown, subject.label(row), note, mine))
    return tuple(found)


def _note(named: str, said: str, row: int, *, pictures: bool) -> tuple[str, bool]:
    """What stands below an example, and whether what the check says is about this row at all.

    A text is not repeated below itself.
    """
    mine = said.startswith((named, f"row {row}:"))
    if pictures:
        return (said if mine else named), mine
    rest = said.removeprefix(named).strip() if mine else ""
    if rest == said:
        return rest, mine
    return f"row {row}" + (f" {rest}" if rest[:1] == ":" else f": {rest}" if rest else ""), mine


def _sayings(finding: Finding, shown: tuple[Shown, ...]) -> tuple[str, ...]:
    """Examples of a finding that are about names, columns or groups, and about no row that is shown."""
    about_rows = [place for place, one in enumerate(shown) if one.about_row]
    return tuple(one for place, one in enumerate(finding.examples) if place not in about_rows)


def _pictures(data: Data, row: int) -> tuple[str, ...]:
    names = data.schema.of_kind("image")
    record = data.table[row] if names else {}
    return tuple(one for name in names if record.get(name) and (one := thumbnail(record[name])))
