"""What is odd about image files: contents that belie the name, rotation flags, modes, sizes, shapes."""

from __future__ import annotations

from pathlib import PurePath

import numpy as np

from upfit.audit.finding import of_rows, percent, times
from upfit.audit.subject import Subject
from upfit.data.cells import cells
from upfit.data.source import HEIGHT, WIDTH
from upfit.values import Finding

_SUFFIXES = {
    "JPEG": {".jpg", ".jpeg", ".jpe", ".jfif"},
    "PNG": {".png"},
    "GIF": {".gif"},
    "BMP": {".bmp", ".dib"},
    "TIFF": {".tif", ".tiff"},
    "WEBP": {".webp"},
    "PPM": {".ppm", ".pgm", ".pbm", ".pnm"},
}
ODD_ASPECT, TINY = 4.0, 32
_COMMON = {"RGB", "L", "1"}


def files(subject: Subject) -> tuple[Finding, ...]:
    """Odd image files. Unreadable ones were left out when the data were read, and are reported from there."""
    if subject.pictures is None:
        return ()
    found = (_misnamed(subject), _turned(subject), _modes(subject), _tiny(subject), _shapes(subject))
    return tuple(one for one in found if one is not None)


def _misnamed(subject: Subject) -> Finding | None:
    assert subject.pictures is not None
    column = cells(subject.data, subject.data.schema.of_kind("image")[0])
    paths = [cell["path"] if cell else None for cell in column.to_pylist()]
    rows = [
        row
        for row, (path, kind) in enumerate(zip(paths, subject.pictures.format.tolist(), strict=True))
        if path
        and kind in _SUFFIXES
        and (end := PurePath(path).suffix.lower())
        and end not in _SUFFIXES[kind]
    ]
    if not rows:
        return None
    verb = times(len(rows), "image file is", "image files are")
    message = f"{verb} of another format than the name says; upfit reads them, other tools may not"
    examples = [f"{subject.show(row)} is {subject.pictures.format[row]}" for row in rows]
    return of_rows(subject, "misnamed_files", "info", message, rows=rows, examples=examples)


def _turned(subject: Subject) -> Finding | None:
    assert subject.pictures is not None
    rows = np.flatnonzero(subject.pictures.turned)
    if not len(rows):
        return None
    verb = times(len(rows), "image is", "images are")
    message = f"{verb} stored turned, with an EXIF flag; upfit turns them upright, many tools forget to"
    return of_rows(subject, "exif_rotated", "info", message, rows=rows)


def _modes(subject: Subject) -> Finding | None:
    """Modes that lose something when they become RGB, where few files have them."""
    assert subject.pictures is not None
    modes = subject.pictures.mode
    names, counts = np.unique(modes, return_counts=True)
    odd = [
        (str(name), int(count))
        for name, count in zip(names, counts, strict=True)
        if name not in _COMMON and 0 < count < 0.2 * len(modes)
    ]
    if not odd:
        return None
    rows = np.flatnonzero(np.isin(modes, [name for name, _ in odd]))
    shown = ", ".join(f"{count:,} {name}" for name, count in odd)
    message = f"{times(len(rows), 'image has', 'images have')} another colour mode than the rest: {shown}"
    return of_rows(subject, "odd_modes", "info", message, rows=rows)


def _tiny(subject: Subject) -> Finding | None:
    width, height = (np.asarray(cells(subject.data, name)) for name in (WIDTH, HEIGHT))
    shorter = np.minimum(width, height)
    rows = np.flatnonzero((shorter < TINY) & (shorter < np.median(shorter) / 2))
    if not len(rows):
        return None
    middle = np.median(shorter)
    message = f"{times(len(rows), 'image is', 'images are')} under {TINY} pixels, the median {middle:.0f}"
    scores = 1 / np.maximum(shorter[rows], 1)
    return of_rows(subject, "tiny_images", "info", message, rows=rows, scores=scores)


def _shapes(subject: Subject) -> Finding | None:
    width, height = (np.asarray(cells(subject.data, name), float) for name in (WIDTH, HEIGHT))
    aspect = np.maximum(width, height) / np.maximum(np.minimum(width, height), 1)
    rows = np.flatnonzero((aspect > ODD_ASPECT) & (aspect > 2 * np.median(aspect)))
    if not len(rows) or len(rows) > 0.1 * len(aspect):
        return None
    share = percent(len(rows) / len(aspect))
    message = (
        f"{times(len(rows), 'image is', 'images are')} over {ODD_ASPECT:.0f} times as long as wide ({share})"
    )
    return of_rows(
        subject,
        "odd_shapes",
        "info",
        f"{message}; squeezed into a square, they look like nothing else",
        rows=rows,
        scores=aspect[rows],
    )
