"""What an audit found, or a run gets wrong, as one HTML page: each finding with its worst examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from upfit.audit.result import Audit
from upfit.audit.subject import Subject
from upfit.data.texts import texts
from upfit.diagnose.mistakes.result import Mistakes
from upfit.report.deeds import deeds
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
    return _rendered("audit.html.j2", audit.data, audit.findings, looked_at=audit.looked_at)


def mistakes_page(mistakes: Mistakes) -> str:
    """What a run gets wrong as a page of the same kind: each group with its worst rows and its proposals."""
    return _rendered("errors.html.j2", mistakes.data, mistakes.findings, validation=mistakes.validation)


def _rendered(template: str, data: Data, findings: Sequence[Finding], **more: int) -> str:
    pairs = [(finding, _examples(data, finding)) for finding in findings]
    entries = [(finding, shown, _sayings(finding, shown)) for finding, shown in pairs]
    counts = {grade: sum(one.severity == grade for one in findings) for grade in ("error", "warning", "info")}
    page = TEMPLATES.get_template(template)
    return page.render(data=data, entries=entries, counts=counts, deeds=deeds, **more)


def _examples(data: Data, finding: Finding) -> tuple[Shown, ...]:
    rows = np.array(finding.rows[:SHOWN], np.int64)
    if not len(rows) or not data.schema.of_kind("image", "text"):
        return ()
    subject, written = Subject(data), texts(data, rows)
    found = []
    for place, (row, cells) in enumerate(zip(rows.tolist(), written, strict=True)):
        said = finding.examples[place] if place < len(finding.examples) else ""
        note, mine = _note(subject.show(row), said, row, pictures=bool(data.schema.of_kind("image")))
        shown = tuple(text[:LONGEST] for text in cells if text)
        found.append(Shown(_pictures(data, row), shown, subject.label(row), note, mine))
    return tuple(found)


def _note(named: str, said: str, row: int, *, pictures: bool) -> tuple[str, bool]:
    """What stands below an example, and whether what the check says is about this row at all.

    A text is not repeated below itself.
    """
    mine = said.startswith((named, f"row {row}:"))
    if pictures:
        return (said if mine else named), mine
    rest = said.removeprefix(named) if mine else ""
    if rest == said:
        return rest, mine
    rest = rest.removeprefix(":").strip()
    return f"row {row}" + (f": {rest}" if rest else ""), mine


def _sayings(finding: Finding, shown: tuple[Shown, ...]) -> tuple[str, ...]:
    """Examples of a finding that are about names, columns or groups, and about no row that is shown."""
    about_rows = [place for place, one in enumerate(shown) if one.about_row]
    return tuple(one for place, one in enumerate(finding.examples) if place not in about_rows)


def _pictures(data: Data, row: int) -> tuple[str, ...]:
    names = data.schema.of_kind("image")
    record = data.table[row] if names else {}
    return tuple(one for name in names if record.get(name) and (one := thumbnail(record[name])))
