"""Hugging Face datasets: a Dataset, or one part of a DatasetDict."""

from __future__ import annotations

from typing import Any

import datasets
import pyarrow as pa

from upfit.data.cache import Notes, cached, digest_of, stream_writer
from upfit.data.csv_file import checked_names
from upfit.data.source import Source
from upfit.errors import DataError
from upfit.values import Finding

_READABLE = (datasets.Value, datasets.ClassLabel, datasets.Image, datasets.List, datasets.LargeList)


def read_dataset(dataset: datasets.Dataset) -> Source:
    """Read a Dataset; class labels become their names, images stay encoded, other media are left out.

    Raises:
        DataError: No rows, or no readable column.
    """
    if not len(dataset):
        raise DataError("the dataset has no rows")
    names = [name for name, feature in dataset.features.items() if isinstance(feature, _READABLE)]
    checked_names(names, "the dataset")
    left_out = tuple(name for name in dataset.column_names if name not in names)
    plain = dataset.select_columns(names).with_format(None)
    for name, feature in plain.features.items():
        if isinstance(feature, datasets.Image):
            plain = plain.cast_column(name, datasets.Image(decode=False))
    key = digest_of("dataset", str(dataset._fingerprint), *names)
    table, notes = cached(key, lambda aside: _convert(plain, left_out, aside))
    lists = frozenset(name for name in names if pa.types.is_list(table.schema.field(name).type))
    classes = frozenset(name for name in names if _holds_classes(dataset.features[name]))
    return Source(table, key, "a datasets.Dataset", lists=lists, classes=classes, findings=notes.findings)


def _holds_classes(feature: Any) -> bool:
    return isinstance(getattr(feature, "feature", feature), datasets.ClassLabel)


def _convert(dataset: datasets.Dataset, left_out: tuple[str, ...], aside: Any) -> Notes:
    """Write the rows in their order, with names in place of class numbers."""
    features = dataset.features
    batches = dataset.with_format("arrow").iter(batch_size=1000)
    first = _named(next(batches), features)
    with stream_writer(aside, first.schema) as writer:
        writer.write_table(first)
        for table in batches:
            writer.write_table(_named(table, features).cast(first.schema))
    if not left_out:
        return Notes()
    message = "columns of a kind that is not read were left out: " + ", ".join(left_out)
    finding = Finding(kind="ignored_column", severity="info", message=message, examples=left_out)
    return Notes(findings=(finding,))


def _named(table: pa.Table, features: datasets.Features) -> pa.Table:
    """The table with class numbers replaced by names and extension types unwrapped."""
    columns = [_column(table.column(name), features[name]) for name in table.column_names]
    return pa.table(dict(zip(table.column_names, columns, strict=True)))


def _column(column: pa.ChunkedArray, feature: Any) -> pa.ChunkedArray | pa.Array:
    if isinstance(column.type, pa.ExtensionType):
        column = column.cast(column.type.storage_type)
    if isinstance(feature, datasets.ClassLabel):
        return pa.array([_name(cell, feature) for cell in column.to_pylist()], pa.string())
    inner = getattr(feature, "feature", None)
    if isinstance(inner, datasets.ClassLabel):
        cells = column.to_pylist()
        named = [None if cell is None else [_name(one, inner) for one in cell] for cell in cells]
        return pa.array(named, pa.list_(pa.string()))
    return column


def _name(cell: int | None, feature: datasets.ClassLabel) -> str | None:
    """A class's name; -1 is how datasets mark a label that is withheld."""
    return None if cell is None or cell < 0 else str(feature.int2str(cell))
