"""Cells of a number column that hold something else: they count as missing, and that is said."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from upfit.data.arrays import is_text, no_number
from upfit.values import Column, Finding

SHOWN = 4


def no_numbers(table: pa.Table, columns: Sequence[Column]) -> list[Finding]:
    """One finding a number column with cells that are written, and are no number.

    >>> table = pa.table({"size": ["1", "2", "1,200.5", "n/a", "unknown"]})
    >>> [one.message for one in no_numbers(table, [Column(name="size", kind="number")])]
    ["1 cell of 'size' is no number and counts as missing: 'unknown'"]
    """
    names = [one.name for one in columns if one.kind == "number" and is_text(table[one.name].type)]
    return [one for name in names if (one := _finding(name, table[name])) is not None]


def _finding(name: str, column: pa.ChunkedArray) -> Finding | None:
    odd = no_number(column)
    count = int(pc.sum(odd).as_py() or 0)
    if not count:
        return None
    written = pc.value_counts(pc.utf8_trim_whitespace(column.filter(odd))).to_pylist()
    written.sort(key=lambda one: -one["counts"])
    shown = [repr(one["values"][:40]) for one in written[:SHOWN]]
    cells = "cell of {!r} is no number and counts" if count == 1 else "cells of {!r} are no numbers and count"
    more = "" if len(written) <= SHOWN else " …"
    return Finding(
        kind="no_number",
        severity="warning" if count >= 0.01 * len(column) else "info",
        message=f"{count:,} {cells.format(name)} as missing: {', '.join(shown)}{more}",
        evidence={"rows": float(count)},
        examples=tuple(f"{one['values'][:80]!r}: {one['counts']:,} rows" for one in written[:12]),
    )
