"""Write rows out as files that upfit (and everything else) reads: class folders, or one table a part."""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image

from upfit.data.images import FORMATS
from upfit.errors import InputError
from upfit.values import PART, Schema

IMAGES = "images"
LONGEST = 255
"""Bytes of a name on the common file systems."""


def require_new(folder: Path) -> None:
    """Refuse a folder with something in it: nothing of the user's is ever written over.

    Raises:
        InputError: It is a file, or not empty.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} is there already", expected="a new or empty folder", hint="--out ANOTHER")


def export(frame: pd.DataFrame, schema: Schema, folder: Path) -> None:
    """Write rows below `folder`; images are copied.

    A table of one image column and a class becomes class folders; anything else one CSV a part
    (`data.csv` where no parts were given), its images in `images/`. Lists of labels, which a CSV has no cells
    for, become JSONL.
    """
    require_new(folder)
    folder.mkdir(parents=True, exist_ok=True)
    pictures = [name for name in schema.of_kind("image") if name in frame]
    columns = [name for name in frame.columns if name not in (PART, *schema.target)]
    single = schema.task in ("binary", "multiclass") and len(schema.target) == 1
    if single and len(pictures) == 1 and pictures == columns:
        _class_folders(frame, pictures[0], schema.target[0], folder)
        return
    for name in pictures:
        frame = frame.assign(**{name: [_kept(cell, folder, f"{row}") for row, cell in frame[name].items()]})
    lists = schema.target[0] if schema.task == "multilabel" and len(schema.target) == 1 else ""
    if lists:
        frame = frame.assign(**{lists: [list(labels) for labels in frame[lists]]})
    for part, rows in frame.groupby(PART, sort=False):
        table, name = rows.drop(columns=PART), part or "data"
        if lists:
            _write_lines(table, folder / f"{name}.jsonl")
        else:
            table.to_csv(folder / f"{name}.csv", index=False)


def _write_lines(table: pd.DataFrame, path: Path) -> None:
    """One JSON object a row; numbers keep all their digits."""
    records = table.astype(object).where(table.notna(), None).to_dict("records")
    lines = (json.dumps(record, ensure_ascii=False, default=str) + "\n" for record in records)
    path.write_text("".join(lines), encoding="utf-8")


def _class_folders(frame: pd.DataFrame, picture: str, target: str, folder: Path) -> None:
    for row, cell, label, part in zip(frame.index, frame[picture], frame[target], frame[PART], strict=True):
        home = folder / part / _safe(str(label))
        home.mkdir(parents=True, exist_ok=True)
        _write(cell, home, Path(cell["path"]).stem if cell.get("path") else str(row), row)


def _safe(label: str) -> str:
    """A class name that is one folder, inside the folder it belongs to."""
    too_long = len(os.fsencode(label)) > LONGEST
    if label in (".", "..") or "/" in label or "\\" in label or "\0" in label or not label or too_long:
        named = f"{label[:60]!r}… ({len(label):,} letters)" if too_long else repr(label)
        raise InputError(
            f"the class {named} cannot be the name of a folder", hint="merge it into another name"
        )
    return label


def _kept(cell: Mapping[str, Any] | None, folder: Path, name: str) -> str | None:
    """Copy an image into `images/`; returns its path relative to the folder."""
    if not cell or not (cell.get("path") or cell.get("bytes")):
        return None
    home = folder / IMAGES
    home.mkdir(exist_ok=True)
    return f"{IMAGES}/{_write(cell, home, name, name).name}"


def _write(cell: Mapping[str, Any], home: Path, stem: str, row: object) -> Path:
    """The image's own bytes in a new file; never over another one."""
    if cell.get("bytes"):
        with Image.open(io.BytesIO(cell["bytes"]), formats=FORMATS) as image:
            suffix = f".{str(image.format).lower()}"
    else:
        suffix = Path(cell["path"]).suffix
    target = home / f"{stem}{suffix}"
    if target.exists():
        target = home / f"{stem}-{row}{suffix}"
    if cell.get("bytes"):
        target.write_bytes(cell["bytes"])
    else:
        shutil.copyfile(cell["path"], target)
    return target
