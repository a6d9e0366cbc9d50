"""Time columns become seconds since 1970, or stay the numbers they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from upfit.data.arrays import is_number, looks_numeric, to_label, to_number
from upfit.errors import DataError
from upfit.values import Finding


def read_times(
    column: pa.ChunkedArray, name: str, keep: npt.NDArray[np.bool_], findings: list[Finding]
) -> pa.Array:
    """(N,) float64 that sort like the times; rows without one leave `keep`.

    Raises:
        DataError: Most cells are neither numbers nor dates.
    """
    values = _values(column)
    missing = ~np.isfinite(values)
    if missing.mean() > 0.5:
        example = next((str(cell) for cell in pc.drop_null(column)[:1].to_pylist()), "nothing")
        message = f"the time column {name!r} holds no times"
        raise DataError(
            message, expected="dates like 2024-01-31, or numbers", got=f"for instance {example!r}"
        )
    if missing.any():
        rows = np.flatnonzero(missing)
        keep[rows] = False
        text = f"{len(rows)} rows were left out: their time {name!r} is missing or unreadable"
        shown = tuple(f"row {row}: {column[int(row)].as_py()}" for row in rows[:10])
        evidence = {"rows": float(len(rows))}
        findings.append(
            Finding(kind="missing_time", severity="warning", message=text, evidence=evidence, examples=shown)
        )
    return pa.array(values)


def _values(column: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    if pa.types.is_temporal(column.type):
        return _seconds(pd.Series(column.to_pandas()))
    labels = to_label(column)
    if is_number(column.type) or bool(pc.all(looks_numeric(labels)).as_py()):
        return np.asarray(to_number(column).to_numpy(), dtype=np.float64)
    return _seconds(pd.Series(labels.to_pandas()))


def _seconds(cells: pd.Series[Any]) -> npt.NDArray[np.float64]:
    """Seconds since 1970 in UTC; NaN where a cell is no date."""
    times = pd.to_datetime(cells, errors="coerce", utc=True, format="ISO8601")
    if times.isna().mean() > 0.5:
        times = pd.to_datetime(cells, errors="coerce", utc=True, format="mixed")
    seconds = (times - pd.Timestamp(0, tz="UTC")).dt.total_seconds()
    return np.asarray(seconds.to_numpy(dtype=np.float64, na_value=np.nan))
