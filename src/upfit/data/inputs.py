"""Inputs to predict for: read like training data, held against the schema of a finished run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image

from upfit.data.arrays import no_number, to_label
from upfit.data.cache import cache_path, cached, digest_of
from upfit.data.fingerprint import table_key
from upfit.data.frame import encoded, read_frame
from upfit.data.image_folder import foreign_pictures, image_array, images_under, looks_like_image
from upfit.data.labels import Asked, read_labels
from upfit.data.paths import existing
from upfit.data.picture_column import as_images, look_at, pixel_columns, unreadable
from upfit.data.source import Source
from upfit.data.sources import is_table, open_file, open_object
from upfit.data.write import Digests, finished_blocks, write_table
from upfit.errors import DataError, nearest
from upfit.values import PART, Data, Finding, Rows, Schema

IN_MEMORY = 100_000
"""Rows. More inputs than that are kept in the cache, memory-mapped."""


def read_inputs(source: Any, schema: Schema) -> tuple[Data, Rows]:
    """Read inputs of the kind that a schema describes; targets are kept where they are there.

    Args:
        source: A folder of images, an image, a table file, a list of paths, images, texts or records, one
            record, or a DataFrame, datasets.Dataset or torch Dataset.
        schema: The schema of the data that the model was trained on.

    Returns:
        Data with every input, in their order, and the rows that can be predicted for: those with an image
        that cannot be read are not among them, and are listed in `findings`.

    Raises:
        DataError: Nothing there, columns missing, or cells of another kind than the schema's.
    """
    found = _open(source, schema)
    _check_columns(found, schema)
    _check_numbers(found, schema)
    keep = np.ones(found.table.num_rows, dtype=bool)
    findings = list(found.findings)
    replaced = {**_images(found, schema, keep, findings), **_targets(found, schema)}
    replaced[PART] = pa.array([""] * len(keep))
    wanted = [column.name for column in schema.columns]
    every = np.ones(len(keep), dtype=bool)
    blocks = finished_blocks(found.table.select(wanted), schema, replaced, every)
    table, digests = (
        _kept_in_memory(blocks) if len(keep) <= IN_MEMORY else _kept_on_disk(blocks, found, schema)
    )
    fingerprint = digest_of(schema.model_dump_json(), *digests)
    data = Data(table, schema, fingerprint, source=found.name, findings=tuple(findings))
    return data, np.flatnonzero(keep)


def _kept_in_memory(blocks: Iterator[pa.RecordBatch]) -> tuple[datasets.Dataset, tuple[str, ...]]:
    """A table that leaves nothing behind, and digests of its columns."""
    kept, digests = [], Digests()
    for block in blocks:
        digests.update(block)
        kept.append(block)
    return datasets.Dataset(datasets.table.InMemoryTable(pa.Table.from_batches(kept))), digests.of_columns()


def _kept_on_disk(
    blocks: Iterator[pa.RecordBatch], found: Source, schema: Schema
) -> tuple[datasets.Dataset, tuple[str, ...]]:
    """A table in the cache, for inputs that might not fit in memory."""
    key = digest_of("inputs", table_key(found.table), str(found.folder), schema.model_dump_json())
    _, notes = cached(key, lambda aside: write_table(aside, blocks))
    return datasets.Dataset.from_file(str(cache_path(key))), notes.facts["columns"]


def _open(source: Any, schema: Schema) -> Source:
    if isinstance(source, str | Path):
        return _open_path(existing(source), schema)
    if isinstance(source, Image.Image | Mapping):
        return _open_list([source], schema)
    if isinstance(source, list | tuple | np.ndarray | pd.Series):
        return _open_list(list(source), schema)
    found = open_object(source)
    images = schema.of_kind("image")
    names = found.table.column_names
    if found.target and len(images) == 1 and images[0] not in names and names[0] == "image":
        return _named(found.table.rename_columns([images[0], *names[1:]]), found)
    return found


def _named(table: pa.Table, found: Source) -> Source:
    return Source(table, found.key, found.name, folder=found.folder, lists=found.lists)


def _open_path(path: Path, schema: Schema) -> Source:
    """A table file, an image, or a folder of images (at any depth) or round one table."""
    if is_table(path):
        return open_file(path)
    if path.is_file():
        if looks_like_image(path):
            return _pictures([str(path)], schema, name=str(path))
        return open_file(path)
    files = [str(file) for file in images_under(path)]
    tables = [entry for entry in sorted(path.iterdir()) if is_table(entry)]
    if len(tables) == 1 and (not files or schema.modality != "image"):
        return open_file(tables[0])
    foreign = foreign_pictures(path)
    if not files:
        got = foreign[0].message if foreign else ""
        raise DataError(f"{path} holds no images", expected=_wanted(schema), got=got)
    return replace(_pictures(files, schema, name=str(path)), findings=foreign)


def _open_list(items: list[Any], schema: Schema) -> Source:
    """Records, images, paths of images, or texts."""
    if not items:
        raise DataError("there is nothing to predict for: the list is empty")
    if all(isinstance(item, Mapping) for item in items):
        return read_frame(pd.DataFrame([dict(item) for item in items]))
    if all(isinstance(item, Image.Image) for item in items):
        cells = image_array([None] * len(items), [encoded(item) for item in items])
        return _in_memory({_only(schema, "image"): cells}, name="a list of images")
    if not all(isinstance(item, str | Path) for item in items):
        got = ", ".join(sorted({type(item).__name__ for item in items}))
        raise DataError("a list may hold paths, images, texts or records", expected=_wanted(schema), got=got)
    if schema.of_kind("image"):
        return _pictures([str(item) for item in items], schema, name="a list of paths")
    texts = pa.array([str(item) for item in items], pa.string())
    return _in_memory({_only(schema, "text"): texts}, name="a list of texts")


def _in_memory(columns: dict[str, pa.Array], *, name: str) -> Source:
    return Source(pa.table(columns), key=name, name=name)


def _pictures(paths: list[str], schema: Schema, *, name: str) -> Source:
    return _in_memory({_only(schema, "image"): pa.array(paths, pa.string())}, name=name)


def _only(schema: Schema, kind: str) -> str:
    """The one input column, when it is of this kind."""
    names = [column.name for column in schema.columns]
    if len(names) != 1 or schema.columns[0].kind != kind:
        got = f"{kind} alone"
        raise DataError(
            "these inputs do not fit the model", expected=_wanted(schema), got=got, hint=_AS_TABLE
        )
    return names[0]


_AS_TABLE = "give a table or records with all of these columns"


def _wanted(schema: Schema) -> str:
    return ", ".join(f"{column.name} ({column.kind})" for column in schema.columns)


def _check_columns(found: Source, schema: Schema) -> None:
    names = found.table.column_names
    missing = [column.name for column in schema.columns if column.name not in names]
    if not missing:
        return
    guess = nearest(missing[0], names)
    hint = (
        f"rename {guess!r} to {missing[0]!r}" if guess else "give the columns that the model was trained on"
    )
    raise DataError(
        f"{found.name} lacks columns that the model reads: " + ", ".join(missing),
        expected=_wanted(schema),
        got=", ".join(names),
        hint=hint,
    )


def _check_numbers(found: Source, schema: Schema) -> None:
    """A number column must hold numbers, or the model would see nothing but gaps."""
    for name in schema.of_kind("number"):
        cells = pc.drop_null(to_label(found.table[name]))
        wrong = cells.filter(no_number(cells))
        if len(wrong) * 2 > len(cells):
            got = f"for instance {wrong[0].as_py()[:80]!r}"
            raise DataError(
                f"the column {name!r} does not hold numbers", expected="numbers, as in training", got=got
            )


def _images(found: Source, schema: Schema, keep: Any, findings: list[Finding]) -> dict[str, Any]:
    """Image cells, decoded once; rows with an unreadable one leave `keep`."""
    names = schema.of_kind("image")
    if not names:
        return {}
    spans = ((None, 0, len(keep), found.folder),)
    cells = {name: as_images(found.table[name], spans) for name in names}
    looks = [look_at(cells[name], key=None) for name in names]
    faults = {row: fault for look in looks for row, fault in look.faults.items()}
    keep[list(faults)] = False
    findings.extend(unreadable(faults, len(keep), so="have no prediction"))
    if not keep.any():
        raise DataError("no image can be read", expected=_wanted(schema), got=next(iter(faults.values())))
    return {**cells, **pixel_columns(looks)}


def _targets(found: Source, schema: Schema) -> dict[str, Any]:
    """Target columns, where the inputs have them and they can be read."""
    if not set(schema.target) <= set(found.table.column_names):
        return {}
    known = schema.task != "regression"
    asked = Asked(schema.target, schema.task, lists=schema.target[0] in found.lists, classes=known)
    try:
        labels = read_labels([found.table[name] for name in schema.target], asked)
    except DataError:
        return {}
    return dict(zip(schema.target, labels.columns, strict=True))
