"""Write the finished table, a block of rows at a time, and take its digest on the way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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


def write_table(
    aside: Path, table: pa.Table, schema: Schema, replaced: Mapping[str, Any], keep: npt.NDArray[np.bool_]
) -> Notes:
    """Write the rows of `keep`; columns of `replaced` are ready, the others are converted by their kind.

    Returns:
        Notes whose fact `columns` is one digest per column. Image cells count by their pixels alone, so that
        the same pictures in another folder have the same digest.
    """
    digests: dict[str, ColumnHash] = {}
    writer_schema: pa.Schema | None = None
    blocks = _blocks(table, schema, replaced, keep)
    first = next(blocks)
    writer_schema = first.schema
    with stream_writer(aside, writer_schema) as writer:
        for block in _chain(first, blocks):
            for name, column in zip(block.schema.names, block.columns, strict=True):
                if not pa.types.is_struct(column.type):
                    digests.setdefault(name, ColumnHash()).update(column)
            writer.write_batch(block)
    return Notes(facts={"columns": tuple(f"{name}:{one.hexdigest()}" for name, one in digests.items())})


def _chain(first: pa.RecordBatch, rest: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield first
    yield from rest


def _blocks(
    table: pa.Table, schema: Schema, replaced: Mapping[str, Any], keep: npt.NDArray[np.bool_]
) -> Iterator[pa.RecordBatch]:
    """Finished record batches, in row order."""
    names = [name for name in table.column_names if name in replaced or _is_plain(table[name].type)]
    names += [name for name in replaced if name not in names]
    step = _rows_per_block(table)
    for start in range(0, len(keep), step):
        rows = pa.array(keep[start : start + step])
        stop = start + len(rows)
        columns = []
        for name in names:
            cells = replaced[name][start:stop] if name in replaced else table[name][start:stop]
            ready = cells if name in replaced else _converted(cells, name, schema)
            columns.append(_one(ready.filter(rows)))
        yield pa.RecordBatch.from_arrays(columns, names=names)


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
        return to_number(cells)
    if name in schema.of_kind("category") or name == schema.group:
        return to_label(cells)
    return to_text(cells)
