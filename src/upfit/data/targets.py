"""Targets of some rows as the arrays that losses and metrics want."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from upfit.data.cells import cells
from upfit.errors import DataError
from upfit.values import Data, Rows


def targets(data: Data, rows: Rows) -> npt.NDArray[Any]:
    """Targets of rows, encoded.

    Args:
        data: The data.
        rows: (N,) row indices.

    Returns:
        int64 (N,) class indices; float32 (N, K) of 0 and 1 for multilabel; float32 (N,) for regression.

    Raises:
        DataError: A row has no target, or one that is not among the classes.
    """
    schema = data.schema
    columns = [cells(data, name, rows) for name in schema.target]
    if any(column.null_count for column in columns):
        raise DataError("some of these rows have no target")
    if schema.task == "regression":
        return np.asarray(columns[0].to_numpy(zero_copy_only=False), np.float32)
    if schema.task != "multilabel":
        return _indices(columns[0], schema.classes)
    if len(columns) > 1 or not pa.types.is_list(columns[0].type):
        return np.stack([column.to_numpy(zero_copy_only=False) for column in columns], axis=1).astype(
            np.float32
        )
    return _flags(columns[0], schema.classes)


def _indices(labels: pa.Array, classes: tuple[str, ...]) -> npt.NDArray[np.int64]:
    found = pc.index_in(labels, value_set=pa.array(classes, pa.string()))
    if found.null_count:
        strange = labels.filter(pc.is_null(found))[0].as_py()
        raise DataError(f"the class {strange!r} is not among those of the training rows")
    return np.asarray(found.to_numpy(), np.int64)


def _flags(lists: pa.Array, classes: tuple[str, ...]) -> npt.NDArray[np.float32]:
    """One row per list, one column per class."""
    flags = np.zeros((len(lists), len(classes)), np.float32)
    columns = _indices(lists.flatten(), classes)
    rows = np.repeat(np.arange(len(lists)), pc.list_value_length(lists).to_numpy())
    flags[rows, columns] = 1
    return flags
