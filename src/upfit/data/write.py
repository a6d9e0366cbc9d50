"""Write the finished table, a block of rows at a time, and take its digest on the way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from upfit.data.arrays import Column, to_label, to_number, to_text
from upfit.data.cache import Notes, stream_writer
from upfit.data.fingerprint import ColumnHash
from upfit.values import Schema

_BLOCK_ROWS = 20_000
_BLOCK_BYTES = 64 << 20


def write_table(aside: Path, blocks: Iterator[pa.RecordBatch]) -> Notes:
    """Write finished blocks; the fact `columns` of the notes is one digest per column."""
    digests = Digests()
    first = next(blocks)
    with stream_writer(aside, first.schema) as writer:
        for block in chain([first], blocks):
            digests.update(block)
            writer.write_batch(block)
    return Notes(facts={"columns": digests.of_columns()})


class Digests:
    """Running digests of the columns of a finished table.

    Image cells count by their pixels alone, so that the same pictures in another folder are the same data.
    """

    def __init__(self) -> None:
        self._columns: dict[str, ColumnHash] = {}

    def update(self, block: pa.RecordBatch) -> None:
        """Add the next rows."""
        for name, column in zip(block.schema.names, block.columns, strict=True):
            if not pa.types.is_struct(column.type):
                self._columns.setdefault(name, ColumnHash()).update(column)

    def of_columns(self) -> tuple[str, ...]:
        """`name:digest` of each column."""
        return tuple(f"{name}:{column.hexdigest()}" for name, column in self._columns.items())


def finished_blocks(
    table: pa.Table, schema: Schema, replaced: Mapping[str, Any], keep: npt.NDArray[np.bool_]
) -> Iterator[pa.RecordBatch]:
    """Record batches of the rows of `keep`, in order.

    Columns of `replaced` are ready for use, the others are converted by their kind in the schema.
    """
    names = [name for name in table.column_names if name in replaced or _is_plain(table[name].type)]
    names += [name for name in replaced if name not in names]
    step = _rows_per_block(table)
    for start in range(0, len(keep), step):
        rows = pa.array(keep[start : start + step])
        columns = [_cells(table, name, schema, replaced, slice(start, start + step)) for name in names]
        yield pa.RecordBatch.from_arrays([_one(column.filter(rows)) for column in columns], names=names)


def _cells(table: pa.Table, name: str, schema: Schema, replaced: Mapping[str, Any], rows: slice) -> Column:
    return replaced[name][rows] if name in replaced else _converted(table[name][rows], name, schema)


def _rows_per_block(table: pa.Table) -> int:
    """Fewer rows where they are heavy, so that a block stays within 64 MiB."""
    per_row = max(1, table.nbytes // max(1, table.num_rows))
    return int(min(_BLOCK_ROWS, max(1, _BLOCK_BYTES // per_row)))


def _is_plain(kind: pa.DataType) -> bool:
    """Whether a column can be kept as text (nested and binary columns that nobody uses are not kept)."""
    return not (pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _one(column: Column) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _converted(cells: Column, name: str, schema: Schema) -> Column:
    """Cells of an input, a group or an ignored column as they are stored."""
    if name in schema.of_kind("number"):
        return to_number(cells, grouped=True)
    if name in schema.of_kind("category") or name == schema.group:
        return to_label(cells)
    return to_text(cells)
