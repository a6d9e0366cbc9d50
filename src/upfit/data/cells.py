"""Cells of some rows of one column, as Arrow."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from upfit.values import Data, Rows

_MANY = 0.05


def cells(data: Data, name: str, rows: Rows | None = None) -> pa.Array:
    """The cells of a column in the order of `rows` (all of them when None).

    A few rows are gathered from where they lie; for many, the whole column is read once.
    """
    table = data.table
    if rows is None or len(rows) > _MANY * len(table):
        if table._indices is None:
            column = table.data.column(name)
        else:
            column = table.select_columns([name]).with_format("arrow")[:][name]
        whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        whole = pa.concat_arrays(whole.chunks) if isinstance(whole, pa.ChunkedArray) else whole
        return whole if rows is None else whole.take(pa.array(np.asarray(rows, np.int64)))
    taken = table.select_columns([name]).with_format("arrow")[np.asarray(rows, np.int64).tolist()][name]
    return taken.combine_chunks() if isinstance(taken, pa.ChunkedArray) else taken
