"""pandas DataFrames."""

from __future__ import annotations

import io
from typing import Any

import pandas as pd
import pyarrow as pa
from PIL import Image

from upfit.data.csv_file import checked_names
from upfit.data.fingerprint import table_key
from upfit.data.image_folder import image_array
from upfit.data.source import Source
from upfit.errors import DataError


def read_frame(frame: pd.DataFrame) -> Source:
    """Read a DataFrame; the index is left out, PIL images become PNG bytes.

    Raises:
        DataError: No rows, no columns, or a column named twice.
    """
    names = checked_names([str(name) for name in frame.columns], "the DataFrame")
    if not len(frame):
        raise DataError("the DataFrame has no rows")
    columns = [_arrow(frame.iloc[:, place]) for place in range(len(names))]
    lists = frozenset(name for name, column in zip(names, columns, strict=True) if _is_list(column))
    table = pa.table(dict(zip(names, columns, strict=True)))
    return Source(table, key=table_key(table), name="a DataFrame", lists=lists)


def _is_list(column: pa.Array | pa.ChunkedArray) -> bool:
    return bool(pa.types.is_list(column.type))


def _arrow(series: pd.Series[Any]) -> pa.Array | pa.ChunkedArray:
    """One column as Arrow; mixed cells become strings."""
    cells = series[series.notna()] if series.dtype == object else series[:0]
    if len(cells) and isinstance(cells.iloc[0], Image.Image):
        return image_array([None] * len(series), [encoded(cell) for cell in series])
    try:
        return pa.array(series, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        return pa.array(
            [None if missing else str(cell) for cell, missing in zip(series, series.isna(), strict=True)]
        )


def encoded(image: Any) -> bytes | None:
    """A PIL image as PNG (lossless), None for anything else."""
    if not isinstance(image, Image.Image):
        return None
    buffer = io.BytesIO()
    plain = image if image.mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16") else image.convert("RGB")
    plain.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
