"""Fingerprints of tables: the same cells give the same digest, however they are cut into chunks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from upfit.data.arrays import is_text, to_text
from upfit.data.cache import digest_of


class ColumnHash:
    """A running digest of one column: the cells' bytes and their lengths, hashed apart."""

    def __init__(self) -> None:
        self._lengths = hashlib.sha256()
        self._cells = hashlib.sha256()

    def update(self, column: pa.Array) -> None:
        """Add the next cells."""
        if pa.types.is_list(column.type):
            self._add_lengths(pc.list_value_length(column))
            self.update(column.flatten())
        elif pa.types.is_struct(column.type):
            for place in range(column.type.num_fields):
                self.update(pc.struct_field(column, place))
        elif pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
            self._cells.update(_bytes(column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)))
        else:
            self._add_text(column if _is_binary(column.type) else to_text(column))

    def _add_text(self, column: pa.Array) -> None:
        self._add_lengths(pc.binary_length(column))
        full = pc.drop_null(column)
        joined = full.cast(pa.large_binary())
        start, end = (joined[:1], joined[-1:]) if len(joined) else (None, None)
        if start is not None and end is not None:
            offsets = np.frombuffer(joined.buffers()[1], np.int64)[
                joined.offset : joined.offset + len(joined) + 1
            ]
            self._cells.update(memoryview(joined.buffers()[2])[offsets[0] : offsets[-1]])

    def _add_lengths(self, lengths: pa.Array) -> None:
        self._lengths.update(
            _bytes(pc.fill_null(lengths.cast(pa.int64()), -1).to_numpy(zero_copy_only=False))
        )

    def hexdigest(self) -> str:
        """The digest so far."""
        return self._lengths.hexdigest() + self._cells.hexdigest()


def _is_binary(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or is_text(kind))


def _bytes(numbers: np.ndarray[Any, Any]) -> bytes:
    return np.ascontiguousarray(numbers).tobytes()


def table_key(table: pa.Table, *, name: str = "table") -> str:
    """A digest of a table's names and cells; its types count only as far as they change the cells."""
    return digest_of(name, *table.column_names, *hashes(table.column_names, table.to_batches()))


def hashes(names: Iterable[str], batches: Iterable[pa.RecordBatch]) -> list[str]:
    """One digest per column."""
    running = {name: ColumnHash() for name in names}
    for batch in batches:
        for name, column in running.items():
            column.update(batch.column(name))
    return [column.hexdigest() for column in running.values()]
