"""Parquet files, a batch at a time into an Arrow file that can be memory-mapped."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from upfit.data.cache import Notes, cached, digest_of, stream_writer
from upfit.data.csv_file import checked_names
from upfit.data.source import Source
from upfit.errors import DataError


def read_parquet(path: Path) -> Source:
    """Read a Parquet file; columns keep their types.

    Raises:
        DataError: Not a Parquet file, damaged, or a column named twice.
    """
    with path.open("rb") as file:
        key = digest_of("parquet", hashlib.file_digest(file, "sha256").hexdigest())
    table, _ = cached(key, lambda aside: _convert(path, aside))
    return Source(table, key=key, name=str(path), folder=path.resolve().parent)


def _convert(path: Path, aside: Path) -> Notes:
    try:
        with pq.ParquetFile(path) as file:
            schema = file.schema_arrow.remove_metadata()
            checked_names(schema.names, path)
            with stream_writer(aside, schema) as writer:
                for batch in file.iter_batches(batch_size=10_000):
                    writer.write_batch(pa.RecordBatch.from_arrays(batch.columns, schema=schema))
    except (pa.ArrowException, pa.ArrowInvalid) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{path} cannot be read as Parquet: {reason}") from None
    return Notes()
