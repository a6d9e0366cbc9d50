"""The parts' rows under one roof: same columns, one table, and who came from where."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from upfit.data.arrays import is_text, to_text
from upfit.data.cache import digest_of
from upfit.data.source import HIDDEN, Source
from upfit.data.sources import PartSources
from upfit.data.target_choice import choose_target
from upfit.errors import DataError
from upfit.values import Finding, Part


@dataclass(frozen=True, eq=False)
class Combined:
    """Rows of all parts, train first.

    Args:
        table: The user's columns.
        target: Names of the target columns.
        spans: (part or None, first row, row after the last, folder for relative paths) of each source.
        first: The source that decides what the columns mean: train, or the only one.
        key: Digest of all sources.
        findings: What readers noticed, and what did not fit together.
    """

    table: pa.Table
    target: tuple[str, ...]
    spans: tuple[tuple[Part | None, int, int, Path | None], ...]
    first: Source
    key: str
    findings: tuple[Finding, ...]

    @property
    def parts(self) -> npt.NDArray[np.str_]:
        """(N,) the part that each row came from, "" where none was given."""
        counts = [stop - start for _, start, stop, _ in self.spans]
        return np.repeat(np.array([part or "" for part, *_ in self.spans], dtype="U10"), counts)


def combine(sources: PartSources, target: str | tuple[str, ...] | None) -> Combined:
    """Put the sources together; the target is chosen among the first one's columns.

    Raises:
        DataError: A part lacks a column that train has.
    """
    first = next(iter(sources.values()))
    chosen = choose_target(first, target)
    _check_reserved(first)
    findings = [finding for source in sources.values() for finding in source.findings]
    kept: PartSources = {}
    for part, source in sources.items():
        if _has_target(source, chosen):
            kept[part] = source
        else:
            findings.append(_no_target(part, source, chosen))
    tables = [_same_columns(source, part, first, findings) for part, source in kept.items()]
    return Combined(
        table=pa.concat_tables(_same_types(tables)),
        target=chosen,
        spans=_spans(kept),
        first=first,
        key=digest_of(*(f"{part}:{source.key}" for part, source in kept.items())),
        findings=tuple(findings),
    )


def _check_reserved(source: Source) -> None:
    taken = [name for name in source.table.column_names if name in HIDDEN]
    if taken:
        raise DataError(
            f"{source.name} has a column {taken[0]!r}, a name that upfit uses itself", hint="rename it"
        )


def _has_target(source: Source, target: tuple[str, ...]) -> bool:
    return set(target) <= set(source.table.column_names)


def _no_target(part: Part | None, source: Source, target: tuple[str, ...]) -> Finding:
    missing = ", ".join(name for name in target if name not in source.table.column_names)
    message = f"the {part} part has no column {missing!r} and was left out"
    evidence = {"rows": float(source.table.num_rows)}
    return Finding(kind="missing_target", severity="warning", message=message, evidence=evidence)


def _same_columns(source: Source, part: Part | None, first: Source, findings: list[Finding]) -> pa.Table:
    """The source's table with exactly the first one's columns, in the same order."""
    names = first.table.column_names
    missing = [name for name in names if name not in source.table.column_names]
    if missing:
        raise DataError(
            f"the {part} part lacks columns that train has: " + ", ".join(missing),
            expected=", ".join(names),
            got=", ".join(source.table.column_names),
        )
    extra = tuple(name for name in source.table.column_names if name not in names)
    if extra:
        message = f"columns of the {part} part that train does not have were left out: " + ", ".join(extra)
        findings.append(Finding(kind="ignored_column", severity="info", message=message, examples=extra))
    return source.table.select(names)


def _same_types(tables: list[pa.Table]) -> list[pa.Table]:
    """The tables with one type per column; where they differ, both become strings."""
    for name in tables[0].column_names:
        kinds = [table.schema.field(name).type for table in tables]
        if any(kind != kinds[0] for kind in kinds):
            tables = [_as_text(table, name) for table in tables]
    return [table.replace_schema_metadata(None).cast(_plain(tables[0])) for table in tables]


def _plain(table: pa.Table) -> pa.Schema:
    return pa.schema([(field.name, field.type) for field in table.schema])


def _as_text(table: pa.Table, name: str) -> pa.Table:
    place, column = table.column_names.index(name), table[name]
    if is_text(column.type) and pa.types.is_string(column.type):
        return table
    return table.set_column(place, name, to_text(column))


def _spans(sources: PartSources) -> tuple[tuple[Part | None, int, int, Path | None], ...]:
    stops = np.cumsum([source.table.num_rows for source in sources.values()]).tolist()
    starts = [0, *stops[:-1]]
    return tuple(
        (part, start, stop, source.folder)
        for (part, source), start, stop in zip(sources.items(), starts, stops, strict=True)
    )
