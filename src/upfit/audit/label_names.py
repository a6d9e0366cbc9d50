"""Class names that are one name written in several ways: "Cat", "cat ", "CAT"."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from upfit.audit.finding import Severity, of_rows, some
from upfit.audit.spellings import are_letters, folded, spellings
from upfit.audit.subject import Subject
from upfit.data.cells import cells
from upfit.values import Action, Finding

FEW = 0.2
"""A misspelling is rarer than this share of the class that it was meant for."""


def label_names(subject: Subject) -> tuple[Finding, ...]:
    """Classes, and values of category columns, that differ in case, white space, accents or punctuation."""
    found = list(_classes(subject))
    for name in subject.data.schema.of_kind("category"):
        found += _values(subject, name)
    return tuple(found)


def _classes(subject: Subject) -> list[Finding]:
    if not subject.single_class:
        return []
    counts = np.bincount(subject.labels, minlength=len(subject.data.schema.classes))
    named = dict(zip(subject.data.schema.classes, counts.tolist(), strict=True))
    target = subject.data.schema.target[0]
    found = []
    for names in spellings(named):
        rows = subject.open_rows[np.isin(subject.labels, [list(named).index(one) for one in names[1:]])]
        found.append(_finding(subject, target, names, named, rows=rows, severity="error"))
    found += [_misspelt(subject, target, *pair, named) for pair in _slips(named)]
    return found


def _values(subject: Subject, column: str) -> list[Finding]:
    column_cells = cells(subject.data, column)
    counted = {one["values"]: one["counts"] for one in pc.value_counts(column_cells).to_pylist()}
    named = {str(value): count for value, count in counted.items() if value is not None}
    if len(named) > 5000:
        return []
    found = []
    for names in spellings(named):
        mask = np.isin(np.array(column_cells.to_pylist(), dtype=object), names[1:])
        rows = np.flatnonzero(mask)
        found.append(_finding(subject, column, names, named, rows=rows, severity="warning"))
    return found


def _slips(named: dict[str, int]) -> list[tuple[str, str]]:
    """(rare, common) class names of six letters or more, one letter apart."""
    long = [name for name in named if len(name) >= 6 and not any(letter.isdigit() for letter in name)]
    if len(long) > 2000:
        return []
    pairs = []
    for rare in long:
        for common in long:
            if (
                named[rare] <= FEW * named[common]
                and folded(rare) != folded(common)
                and _one_apart(rare, common)
            ):
                pairs.append((rare, common))
    return pairs


def _one_apart(a: str, b: str) -> bool:
    """Whether one letter changed, dropped, added, or two swapped, makes the one the other."""
    if abs(len(a) - len(b)) > 1:
        return False
    start = next((k for k, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    rest_a, rest_b = a[start:], b[start:]
    swapped = rest_a[1::-1] + rest_a[2:] if len(rest_a) > 1 else rest_a
    return rest_a[1:] == rest_b[1:] or rest_a[1:] == rest_b or rest_a == rest_b[1:] or swapped == rest_b


def _finding(
    subject: Subject,
    column: str,
    names: list[str],
    named: dict[str, int],
    *,
    rows: npt.NDArray[np.int64],
    severity: Severity,
) -> Finding:
    kept, others = names[0], names[1:]
    shown = some([repr(name) for name in names], 6)
    what = "class" if column in subject.data.schema.target else f"value of {column!r}"
    letters = are_letters(names)
    merge = Action(
        do="merge",
        column=column,
        values=tuple(others),
        to=kept,
        because="one name, written alike",
        doubtful=letters,
    )
    ways = f"{len(names)} ways: {shown}"
    return of_rows(
        subject,
        "inconsistent_names",
        "warning" if letters else severity,
        f"one {what} may be written in {ways}" if letters else f"one {what} is written in {ways}",
        rows=rows,
        examples=[f"{name!r}: {named[name]:,} rows" for name in names],
        actions=[merge],
        names=len(names),
    )


def _misspelt(subject: Subject, column: str, rare: str, common: str, named: dict[str, int]) -> Finding:
    rows = subject.open_rows[subject.labels == subject.data.schema.classes.index(rare)]
    merge = Action(
        do="merge", column=column, values=(rare,), to=common, because="perhaps misspelt", doubtful=True
    )
    message = f"the class {rare!r} ({named[rare]}) may be a misspelt {common!r} ({named[common]:,})"
    return of_rows(subject, "inconsistent_names", "warning", message, rows=rows, actions=[merge])
