"""Folders of class folders: each image one row, its class the folder it lies in."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from upfit.data.cache import digest_of
from upfit.data.images import EXTENSIONS, FOREIGN
from upfit.data.source import Source
from upfit.errors import DataError
from upfit.values import Finding
from upfit.values.shortened import shortened

IMAGE = pa.struct([("path", pa.string()), ("bytes", pa.binary())])
"""The Arrow type of an image cell."""

OUTPUTS = frozenset(["audits", "augments", "curves", "reviews", "runs"])
"""Folders that upfit makes where it is started."""
_CONVERT = "convert them, to JPEG say"
_MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"BM", b"II*\x00", b"MM\x00*")


def read_image_folder(path: Path) -> Source:
    """Read a folder of class folders; columns `image` and `label`.

    Images may lie deeper inside a class folder. Files that are neither named nor built like an image are
    passed over; whether an image can be decoded is found out later.

    Raises:
        DataError: No class folders, or no images in them.
    """
    folders = class_folders(path)
    found = [(file, folder.name) for folder in folders for file in sorted(images_under(folder))]
    foreign = foreign_pictures(path)
    if not found:
        raise DataError(
            f"{path} holds no images in class folders",
            expected="one folder per class with images in it, or a table file",
            got=foreign[0].message if foreign else _contents(path),
            hint=_CONVERT if foreign else "",
        )
    return replace(_source(path, found), findings=(*foreign, *_empty(path, folders)))


def _empty(path: Path, folders: Sequence[Path]) -> tuple[Finding, ...]:
    """Folders beside those of the classes that hold no image: a class that got lost, most likely."""
    inside = sorted(entry for entry in path.iterdir() if entry.is_dir() and not is_hidden(entry.name))
    empty = [entry.name for entry in inside if entry not in folders and not _ours(entry)]
    if not empty:
        return ()
    names = ", ".join(shortened(name) for name in empty[:5]) + (" …" if len(empty) > 5 else "")
    what = "1 folder holds no images, and so is no class"
    if len(empty) > 1:
        what = f"{len(empty):,} folders hold no images, and so are no classes"
    return (
        Finding(
            kind="empty_class",
            severity="warning",
            message=f"{what}: {names}",
            evidence={"folders": float(len(empty))},
            examples=tuple(empty[:20]),
        ),
    )


def _ours(folder: Path) -> bool:
    """Whether a folder is where upfit writes to when it is started within the data."""
    return folder.name in OUTPUTS and next(folder.glob("*/*"), None) is not None


def foreign_pictures(path: Path) -> tuple[Finding, ...]:
    """Pictures below a folder in formats that are not read, so that nobody trains without them unawares."""
    files = [Path(parent, name) for parent, _, names in os.walk(path) for name in sorted(names)]
    found = [file for file in files if file.suffix.lower() in FOREIGN and not is_hidden(file.name)]
    if not found:
        return ()
    kinds = Counter(file.suffix.lower() for file in found)
    counted = ", ".join(f"{count:,} {kind}" for kind, count in kinds.items())
    message = f"pictures in formats that are not read: {counted}"
    return (
        Finding(
            kind="unreadable_file",
            severity="warning",
            message=message,
            evidence={"files": float(len(found))},
            examples=tuple(map(str, found[:20])),
            advice=_CONVERT,
        ),
    )


def class_folders(path: Path) -> list[Path]:
    """The folders directly inside a folder that hold an image, sorted by name."""
    inside = sorted(entry for entry in path.iterdir() if entry.is_dir() and not is_hidden(entry.name))
    return [folder for folder in inside if next(images_under(folder), None)]


def images_under(folder: Path) -> Iterator[Path]:
    """Every image file below a folder, at any depth; a loop of links is walked once."""
    seen: set[str] = set()
    for parent, inside, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(parent)
        inside[:] = [] if real in seen else sorted(name for name in inside if not is_hidden(name))
        if real not in seen:
            seen.add(real)
            yield from (
                Path(parent) / name for name in sorted(files) if looks_like_image(Path(parent) / name)
            )


def is_hidden(name: str) -> bool:
    """Whether a name is one that file managers and archivers leave behind."""
    return name.startswith((".", "__MACOSX"))


def looks_like_image(path: Path) -> bool:
    """Whether a file is named like an image or begins like one."""
    if is_hidden(path.name):
        return False
    named = path.suffix.lower() in EXTENSIONS
    if not path.is_file():
        # A link to a picture that has gone is told of as one that cannot be read.
        return named and path.is_symlink() and not path.exists()
    if named:
        return True
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError:
        return False
    return head.startswith(_MAGIC) or (head.startswith(b"RIFF") and head[8:12] == b"WEBP")


def image_array(paths: list[str | None], contents: list[bytes | None] | None = None) -> pa.StructArray:
    """Image cells from paths, or from encoded files."""
    return pa.StructArray.from_arrays(
        [pa.array(paths, pa.string()), pa.array(contents or [None] * len(paths), pa.binary())],
        fields=list(IMAGE),
    )


def _source(path: Path, found: list[tuple[Path, str]]) -> Source:
    paths = [str(file.absolute()) for file, _ in found]
    labels = [label for _, label in found]
    table = pa.table({"image": image_array(list(paths)), "label": pa.array(labels, pa.string())})
    key = digest_of("image-folder", *paths, *labels)
    return Source(table, key=key, name=str(path), target=("label",), classes=frozenset(["label"]))


def _contents(path: Path) -> str:
    """The first few names in a folder, for a message."""
    names = sorted(entry.name + "/" * entry.is_dir() for entry in path.iterdir())
    return ", ".join(names[:8]) + (" …" if len(names) > 8 else "") if names else "an empty folder"
