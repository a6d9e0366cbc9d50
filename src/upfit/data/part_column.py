"""A column that says which part each row belongs to: `split`, with train, validation and test in it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from upfit.data.arrays import to_label
from upfit.data.source import PARTS, Source, part_named
from upfit.data.sources import PartSources
from upfit.data.target_choice import asked_columns
from upfit.values import Finding, Part

NAMES = ("split", "part", "subset", "partition", "set")
"""What such a column is called."""
FOUND = "part_column"
"""Kind of the finding that names it."""


def divided(
    sources: PartSources, *, target: str | Sequence[str] | None, others: Collection[str | None]
) -> PartSources:
    """A source that is not divided, by its column of parts, which is no input then.

    Args:
        sources: As they were opened.
        target: What the user asked to predict.
        others: More columns that the user said something about; they mean that.
    """
    source = sources.get(None)
    if source is None:
        return sources
    spoken_for = {*asked_columns(target, source.table.column_names), *others}
    for name in source.table.column_names:
        if name.lower().strip() in NAMES and name not in spoken_for:
            parts = _parts(source.table[name])
            if parts is not None:
                return _by(source, name, parts)
    return sources


def _parts(column: pa.ChunkedArray) -> npt.NDArray[np.object_] | None:
    """(N,) the part of each row, where every cell names one, and train is among them with another."""
    labels = to_label(column)
    meant = {cell: part_named((cell or "").strip()) for cell in pc.unique(labels).to_pylist()}
    found = set(meant.values())
    if None in found or "train" not in found or len(found) < 2:
        return None
    return np.array([meant[cell] for cell in labels.to_pylist()], dtype=object)


def _by(source: Source, name: str, parts: npt.NDArray[np.object_]) -> PartSources:
    table = source.table.drop_columns([name])
    here: list[Part] = [part for part in PARTS if (parts == part).any()]
    divided: PartSources = {
        part: replace(
            source,
            table=_rows(table, np.flatnonzero(parts == part)),
            key=f"{source.key}:{name}:{part}",
            findings=(),
        )
        for part in here
    }
    message = f"the column {name!r} says which part each row belongs to"
    note = Finding(kind=FOUND, severity="info", message=message, examples=(name,))
    divided["train"] = replace(divided["train"], findings=(*source.findings, note))
    return divided


def _rows(table: pa.Table, rows: npt.NDArray[np.int64]) -> pa.Table:
    """Rows of a table; nothing is copied where they lie one behind the other."""
    if rows[-1] - rows[0] + 1 == len(rows):
        return table.slice(int(rows[0]), len(rows))
    return table.take(pa.array(rows))
