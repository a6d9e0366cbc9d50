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
    """One example: its pictures, its texts, its label in the data, and what the check says about it."""

    images: tuple[str, ...]
    texts: tuple[str, ...]
    label: str
    note: str


def audit_page(audit: Audit) -> str:
    """The page. It asks for nothing over the network, and everything from the data is escaped."""
    entries = [(finding, _examples(audit, finding)) for finding in audit.findings]
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
        note = finding.examples[place] if place < len(finding.examples) else subject.show(row)
        shown = tuple(text[:LONGEST] for text in cells if text)
        found.append(Shown(_pictures(audit.data, row), shown, subject.label(row), note))
    return tuple(found)


def _pictures(data: Data, row: int) -> tuple[str, ...]:
    names = data.schema.of_kind("image")
    record = data.table[row] if names else {}
    return tuple(one for name in names if record.get(name) and (one := thumbnail(record[name])))
