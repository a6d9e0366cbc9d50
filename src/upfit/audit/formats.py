"""Columns in which one thing is written in several ways: numbers with units, decimal commas, dates."""

from __future__ import annotations

from collections import Counter

from upfit.audit.dates import Dates, dates
from upfit.audit.finding import some
from upfit.audit.quantities import Quantities, quantities
from upfit.audit.subject import Subject
from upfit.data.arrays import is_text
from upfit.data.cells import cells
from upfit.data.kinds import sample_of
from upfit.values import Action, Finding

FEWEST = 20
_FEW_VALUES = 10
"""A category of so few values ("36 months", "60 months") is as good as it is."""


def formats(subject: Subject) -> tuple[Finding, ...]:
    """Text columns that hold numbers or dates, and dates that are not all written alike."""
    found = []
    names = [column.name for column in subject.data.schema.columns if column.kind in ("text", "category")]
    for name in (*names, *subject.data.schema.ignored):
        if name not in subject.data.table.column_names:
            continue
        column = subject.data.table.data.column(name)
        if not is_text(column.type):
            continue
        # A look at a sample is enough to pass over prose.
        sample = sample_of(column, rows=len(subject.data)).to_pylist()
        if len(sample) - sample.count(None) < FEWEST or len(set(sample)) <= _FEW_VALUES:
            continue
        if dates(sample) is not None:
            written = dates(cells(subject.data, name).to_pylist())
            found += [_dated(name, written)] if written and len(written.writings) > 1 else []
        elif name not in subject.data.schema.ignored and quantities(sample) is not None:
            counted = quantities(cells(subject.data, name).to_pylist())
            found += [_counted(name, counted)] if counted else []
    return tuple(found)


def _dated(name: str, found: Dates) -> Finding:
    message = f"the dates of {name!r} are written in {len(found.writings)} ways: {_shares(found.writings)}"
    if not found.sure:
        message += "; which number is the day does not show for certain"
    because = "one way of writing dates: 2024-01-31"
    action = Action(do="convert", column=name, to="date", because=because, doubtful=not found.sure)
    return _finding(message, found.writings, action)


def _counted(name: str, found: Quantities) -> Finding:
    units = Counter({unit or "no unit": count for unit, count in found.units.items()})
    how = f"in {_shares(units)}" if len(units) > 1 else f"in {found.unit}" if found.unit else "with marks"
    message = f"{name!r} holds numbers, written {how}, and is not read as numbers"
    if found.commas and found.points:
        message += "; decimal commas and decimal points are mixed"
    because = f"numbers{f' in {found.unit}' if found.unit else ''}, which are read better than their letters"
    action = Action(do="convert", column=name, to="number", because=because, doubtful=not found.sure)
    return _finding(message, units, action)


def _shares(counts: Counter[str]) -> str:
    return some([f"{name} ({count:,})" for name, count in counts.most_common()], 4)


def _finding(message: str, counts: Counter[str], action: Action) -> Finding:
    return Finding(
        kind="inconsistent_format",
        severity="warning",
        message=message,
        evidence={"ways": float(len(counts)), "rows": float(sum(counts.values()))},
        examples=tuple(f"{name}: {count:,} rows" for name, count in counts.most_common(6)),
        actions=(action,),
    )
