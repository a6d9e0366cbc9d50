"""Find out what the user gave, and hand it to the reader for its kind."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from upfit.data.image_folder import class_folders, is_hidden, looks_like_image, read_image_folder
from upfit.data.paths import KNOWN, existing
from upfit.data.source import PARTS, Source, part_named
from upfit.errors import DataError
from upfit.values import Finding, Part

PartSources = dict[Part | None, Source]
"""One source per given part, or one under None that is not divided."""

_TABLE_SUFFIXES = (".csv", ".tsv", ".tab", ".jsonl", ".ndjson", ".parquet", ".pq")
_SHARD = re.compile(r"^(\w+)-\d{5}-of-\d{5}\.parquet$")


def open_sources(given: Any) -> PartSources:
    """Read whatever was given into one source per part.

    Raises:
        DataError: No such path, or nothing readable there.
    """
    if isinstance(given, str | Path):
        return _open_path(existing(given))
    if isinstance(given, Mapping):
        return _open_mapping(given)
    return {None: open_object(given)}


def open_parts(parts: Mapping[str, Any]) -> PartSources:
    """Read parts that were named one by one.

    Raises:
        DataError: No train part, a part of an unknown name, or a part that is itself divided.
    """
    sources: PartSources = {}
    for name, given in parts.items():
        if given is None:
            continue
        part = part_named(name)
        if part is None:
            raise DataError(f"there is no part named {name!r}", expected=", ".join(PARTS))
        sources[part] = _undivided(given, name)
    if "train" not in sources:
        raise DataError(
            "no training data was given", expected="train=..., with validation and test beside it"
        )
    return {part: sources[part] for part in PARTS if part in sources}


def open_object(given: Any) -> Source:
    """Read a DataFrame, a datasets.Dataset, or a torch Dataset or DataLoader.

    Libraries that nobody imported cannot have made the object, so they are not imported to find out.
    """
    if _is_a(given, "pandas", "DataFrame"):
        from upfit.data.frame import read_frame

        return read_frame(given)
    if _is_a(given, "datasets", "Dataset"):
        from upfit.data.hub import read_dataset

        return read_dataset(given)
    if _is_a(given, "torch.utils.data", "Dataset", "DataLoader"):
        from upfit.data.torch_dataset import read_torch

        return read_torch(given)
    raise DataError(
        "this cannot be read as data", expected=KNOWN, got=f"an object of type {type(given).__name__}"
    )


def open_file(path: Path) -> Source:
    """Read one table file, by its extension.

    Raises:
        DataError: The extension is not one of a table.
    """
    reader = _reader(path)
    if reader is None:
        known = ", ".join(_TABLE_SUFFIXES)
        what = "an image" if looks_like_image(path) else f"a file of type {path.suffix or '(none)'}"
        raise DataError(f"{path} is not a table", expected=f"a folder, or a file ending in {known}", got=what)
    try:
        source = reader(path)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from None
    if not source.table.num_rows:
        raise DataError(f"{path} has no rows", expected="a header and at least two rows")
    return source


def _open_mapping(given: Mapping[str, Any]) -> PartSources:
    """A DatasetDict, or a dict of parts; members that are no part are passed over."""
    parts = {name: one for name, one in given.items() if part_named(str(name))}
    if not parts:
        names = ", ".join(map(str, given))
        raise DataError("no part is named train", expected="train, validation, test", got=names or "nothing")
    return open_parts(parts)


def _open_path(path: Path) -> PartSources:
    if not path.is_dir():
        return {None: open_file(path)}
    try:
        return _open_folder(path)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from None


def _open_folder(path: Path) -> PartSources:
    """A folder of tables named for the parts, of part folders, of class folders, or round a single table."""
    if (saved := _saved_dataset(path) or _sharded(path) or _sharded(path / "data")) is not None:
        return saved
    tables = sorted(entry for entry in path.iterdir() if is_table(entry))
    parts = {part: entry for entry in tables if (part := part_named(entry.stem))}
    if "train" in parts:
        _check_one_each(path, tables)
        unused = [table.name for table in tables if table not in parts.values()]
        return _noting_unused({part: open_file(parts[part]) for part in PARTS if part in parts}, unused)
    folders = _part_folders(path)
    if folders:
        others = (entry for entry in path.iterdir() if entry.is_dir() and part_named(entry.name))
        unused = sorted(entry.name for entry in others if entry not in folders.values())
        return _noting_unused({part: read_image_folder(folder) for part, folder in folders.items()}, unused)
    if len(tables) == 1 and len(class_folders(path)) < 2:
        return {None: open_file(tables[0])}
    if tables and not class_folders(path):
        names = ", ".join(table.name for table in tables[:8])
        raise DataError(
            f"{path} has several tables", expected="files named train, validation, test", got=names
        )
    return {None: read_image_folder(path)}


def _saved_dataset(path: Path) -> PartSources | None:
    """What `Dataset.save_to_disk` or `DatasetDict.save_to_disk` wrote; None for any other folder."""
    if not (path / "dataset_dict.json").is_file() and not (path / "dataset_info.json").is_file():
        return None
    import datasets

    try:
        return open_sources(datasets.load_from_disk(str(path)))
    except (ValueError, KeyError, TypeError, FileNotFoundError) as error:
        raise DataError(f"{path} is a damaged dataset: {str(error).splitlines()[0]}") from None


def _sharded(path: Path) -> PartSources | None:
    """Parts in Parquet files like train-00000-of-00002.parquet, as the hub has them; None for others."""
    shards: dict[Part, list[str]] = {}
    for entry in sorted(path.iterdir()) if path.is_dir() else ():
        found = _SHARD.match(entry.name)
        if found and (part := part_named(found[1])):
            shards.setdefault(part, []).append(str(entry))
    if "train" not in shards:
        return None
    import datasets

    # They carry names of classes and pictures, which datasets knows how to read.
    opened = {part: datasets.Dataset.from_parquet(files) for part, files in shards.items()}
    return {part: open_object(opened[part]) for part in PARTS if part in opened}


def _noting_unused(sources: PartSources, unused: list[str]) -> PartSources:
    """The sources, with a note on train about what else lies in the folder and was not read."""
    if unused and (train := sources.get("train")):
        message = "not read, as it is no part or has no classes: " + ", ".join(unused)
        note = Finding(kind="ignored_file", severity="info", message=message, examples=tuple(unused))
        sources["train"] = replace(train, findings=(*train.findings, note))
    return sources


def _check_one_each(path: Path, tables: list[Path]) -> None:
    """Two files for one part (valid.csv and val.csv) leave open which is meant."""
    for part in PARTS:
        names = [table.name for table in tables if part_named(table.stem) == part]
        if len(names) > 1:
            raise DataError(f"{path} has {len(names)} files for {part}", expected="one", got=", ".join(names))


def _part_folders(path: Path) -> dict[Part, Path]:
    """train/ (and validation/, test/) where these, and nothing else, hold the images."""
    inside = [entry for entry in sorted(path.iterdir()) if entry.is_dir() and not is_hidden(entry.name)]
    named = {part: entry for entry in inside if (part := part_named(entry.name))}
    others = [folder for folder in class_folders(path) if part_named(folder.name) is None]
    if "train" not in named or others or not class_folders(named["train"]):
        return {}
    return {part: named[part] for part in PARTS if part in named and class_folders(named[part])}


def _undivided(given: Any, name: str) -> Source:
    """One part's source; a folder with parts of its own is no part."""
    sources = open_sources(given)
    if None not in sources:
        raise DataError(f"the {name} part is divided into parts itself", expected="one table or folder")
    return sources[None]


def is_table(path: Path) -> bool:
    """Whether a path is a file named like a table."""
    return path.is_file() and path.suffix.lower() in _TABLE_SUFFIXES and not is_hidden(path.name)


def _reader(path: Path) -> Callable[[Path], Source] | None:
    suffix = path.suffix.lower()
    if suffix in (".csv", ".tsv", ".tab"):
        from upfit.data.csv_file import read_csv

        return read_csv
    if suffix in (".jsonl", ".ndjson"):
        from upfit.data.jsonl_file import read_jsonl

        return read_jsonl
    if suffix in (".parquet", ".pq"):
        from upfit.data.parquet_file import read_parquet

        return read_parquet
    return None


def _is_a(given: Any, module: str, *names: str) -> bool:
    """Whether an object is of a class in a module, without importing the module."""
    loaded = sys.modules.get(module)
    classes = tuple(kind for name in names if isinstance(kind := getattr(loaded, name, None), type))
    return bool(classes) and isinstance(given, classes)
