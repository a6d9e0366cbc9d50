"""Text inputs of some rows; categories and numbers are written out beside them."""

from __future__ import annotations

import pyarrow as pa

from upfit.data.cells import cells
from upfit.values import Data, Kind, Rows


def texts(data: Data, rows: Rows) -> list[tuple[str, ...]]:
    """The text, category and number cells of rows, each as text.

    Text columns come first, then the others in table order, written `name: value`; a missing cell is "".

    Args:
        data: The data.
        rows: (N,) row indices.

    Returns:
        N tuples, one string per column.
    """
    schema = data.schema
    inputs = [column for column in schema.columns if column.kind == "text"]
    inputs += [column for column in schema.columns if column.kind in ("category", "number")]
    rendered = [_rendered(cells(data, one.name, rows), one.name, one.kind) for one in inputs]
    return list(zip(*rendered, strict=True)) if rendered else [() for _ in rows]


def _rendered(column: pa.Array, name: str, kind: Kind) -> list[str]:
    values = column.to_pylist()
    if kind == "text":
        return [value or "" for value in values]
    if kind == "number":
        return ["" if value is None else f"{name}: {value:.6g}" for value in values]
    return ["" if value is None else f"{name}: {value}" for value in values]
