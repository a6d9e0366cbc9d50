"""Representativeness: groups that too few rows belong to, to learn or say anything about them."""

from __future__ import annotations

import pyarrow.compute as pc

from upfit.audit.finding import some
from upfit.audit.subject import Subject
from upfit.audit.thin_pairs import THIN, thin_pairs
from upfit.data.cells import cells
from upfit.values import Finding


def slices(subject: Subject) -> tuple[Finding, ...]:
    """Values of a category with fewer than 30 training rows; groups that a class or training hardly has."""
    rows = subject.rows_of("train")
    if len(rows) < 10 * THIN:
        return ()
    thin = (
        _thin(name, pc.value_counts(cells(subject.data, name, rows)).to_pylist())
        for name in subject.data.schema.of_kind("category")
    )
    return (*(one for one in thin if one), *thin_pairs(subject))


def _thin(name: str, counted: list[dict[str, object]]) -> Finding | None:
    counts = {str(one["values"]): int(str(one["counts"])) for one in counted if one["values"] is not None}
    thin = sorted((count, value) for value, count in counts.items() if count < THIN)
    if not thin:
        return None
    names = [f"{value} ({count})" for count, value in thin]
    message = (
        f"{len(thin)} of {len(counts)} values of {name!r} have fewer than {THIN} training rows: "
        f"{some(names, 4)}; results for them are luck"
    )
    return Finding(
        kind="thin_slice",
        severity="info",
        message=message,
        evidence={"values": float(len(thin))},
        examples=tuple(names[:12]),
    )
