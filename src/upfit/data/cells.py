"""Cells of some rows of one column, as Arrow, at a cost that grows with the rows asked for alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from upfit.values import Data, Rows

_BLOCK_ROWS = 50_000


def cells(data: Data, name: str, rows: Rows | None = None) -> pa.Array:
    """The cells of a column in the order of `rows` (all of them when None)."""
    column = data.table.data.column(name)
    chosen = _in_storage(data, rows)
    return pa.concat_arrays(column.chunks) if chosen is None else gather(column, chosen)


def blocks(data: Data, names: Sequence[str]) -> Iterator[tuple[pa.Array, ...]]:
    """The cells of several columns, 50,000 rows at a time, all rows in order."""
    for start in range(0, len(data), _BLOCK_ROWS):
        rows = np.arange(start, min(start + _BLOCK_ROWS, len(data)))
        yield tuple(cells(data, name, rows) for name in names)


def _in_storage(data: Data, rows: Rows | None) -> Rows | None:
    """Where rows lie in the file, for a table that someone has filtered or sorted; None for all in order."""
    if data.table._indices is None:
        return rows
    stored = np.asarray(data.table._indices.column(0).to_numpy(), np.int64)
    return stored if rows is None else stored[rows]


def gather(column: pa.ChunkedArray, rows: npt.NDArray[np.int64]) -> pa.Array:
    """Cells at places of a chunked column, each chunk touched once and none of them copied whole."""
    if not len(rows):
        return pa.array([], column.type)
    starts = np.cumsum([0, *(len(chunk) for chunk in column.chunks)])
    chunk_of = np.searchsorted(starts, rows, side="right") - 1
    order = np.argsort(chunk_of, kind="stable")
    used, first = np.unique(chunk_of[order], return_index=True)
    pieces = [
        column.chunk(int(chunk)).take(pa.array(rows[places] - starts[chunk]))
        for chunk, places in zip(used, np.split(order, first[1:]), strict=True)
    ]
    joined = pa.concat_arrays(pieces)
    if (np.diff(order) == 1).all():
        return joined
    back = np.empty(len(order), np.int64)
    back[order] = np.arange(len(order))
    return joined.take(pa.array(back))
