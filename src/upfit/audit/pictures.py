"""Every image looked at once: light, contrast, sharpness, a perceptual hash, and the file around it."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image
from scipy.fft import dctn
from scipy.ndimage import laplace

from upfit.data.images import FORMATS, open_image
from upfit.data.threads import in_threads
from upfit.errors import DataError
from upfit.values import Data

SIDE = 64
"""Side of the grey square that everything is measured on, in pixels."""
HASH_SIDE = 8


@dataclass(frozen=True, eq=False)
class Pictures:
    """What looking at N images showed.

    Args:
        light: (N,) mean brightness, 0 to 1.
        contrast: (N,) standard deviation of brightness, 0 to 0.5.
        sharpness: (N,) standard deviation of the Laplacian over that of brightness; low is blurred.
        grey: (N, 16, 16) uint8 brightness, to compare candidates for duplicates.
        border: (N, 3, 16) uint8 colours along the rim, to find frames.
        colours: (N, 16, 16, 3) uint8 colours all over, to find marks.
        hashes: (N,) 64-bit perceptual hashes.
        turned: (N,) whether EXIF asks for the image to be turned.
        mode: (N,) Pillow's mode of the file, e.g. RGB, L, CMYK.
        format: (N,) the file's real format.
    """

    light: npt.NDArray[np.float32]
    contrast: npt.NDArray[np.float32]
    sharpness: npt.NDArray[np.float32]
    grey: npt.NDArray[np.uint8]
    border: npt.NDArray[np.uint8]
    colours: npt.NDArray[np.uint8]
    hashes: npt.NDArray[np.uint64]
    turned: npt.NDArray[np.bool_]
    mode: npt.NDArray[np.str_]
    format: npt.NDArray[np.str_]


@dataclass(frozen=True, eq=False)
class Coarse:
    """What tells that two images are the same picture: far cheaper than a look at everything.

    Args:
        grey: (N, 16, 16) uint8 brightness.
        hashes: (N,) 64-bit perceptual hashes.
    """

    grey: npt.NDArray[np.uint8]
    hashes: npt.NDArray[np.uint64]

    @classmethod
    def unpacked(cls, rows_NB: npt.NDArray[np.uint8]) -> Coarse:
        """From (N, 264) bytes, as `coarse_bytes` makes them."""
        grey = np.asarray(rows_NB[:, :256]).reshape(-1, 16, 16)
        return cls(grey, np.ascontiguousarray(rows_NB[:, 256:]).view(">u8").ravel().astype(np.uint64))


def coarse_bytes(data: Data, column: str) -> npt.NDArray[np.uint8]:
    """(N, 264) bytes a row: brightness and hash of every image of a column."""
    seen = list(_quietly(_cells(data, column), _coarse))
    return np.array(seen, np.uint8).reshape(-1, 264)


def squares(data: Data, column: str, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    """(R, 64, 64) brightness of the images of some rows."""
    found = list(_quietly((data.table[int(row)][column] or {} for row in rows), _grey_square))
    return np.array(found, np.uint8).reshape(-1, SIDE, SIDE)


def look(data: Data, column: str) -> Pictures:
    """Look at every image of a column, in threads, a window of cells at a time."""
    seen = list(_quietly(_cells(data, column), _look))
    columns = list(zip(*seen, strict=True))
    kinds: tuple[Any, ...] = (
        np.float32,
        np.float32,
        np.float32,
        np.uint8,
        np.uint8,
        np.uint8,
        np.uint64,
        np.bool_,
        "U8",
        "U8",
    )
    return Pictures(*(np.array(one, dtype=kind) for one, kind in zip(columns, kinds, strict=True)))


def perceptual_hash(grey: npt.NDArray[np.floating[Any]]) -> int:
    """A 64-bit hash that crops, recompression and small changes of light hardly move.

    The signs of the 8 by 8 lowest frequencies of a cosine transform against their median, of a square of 32
    (Zauner 2010, "Implementation and benchmarking of perceptual image hash functions").

    Args:
        grey: (32, 32) brightness.

    >>> grey = np.random.default_rng(0).random((32, 32))
    >>> perceptual_hash(grey) == perceptual_hash(grey * 0.5 + 9)
    True
    """
    low = dctn(grey, norm="ortho")[:HASH_SIDE, :HASH_SIDE]
    bits = (low > np.median(low)).ravel()
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def distances(left: npt.NDArray[np.uint64], right: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint8]:
    """How many bits differ, elementwise.

    >>> distances(np.array([0b1011], np.uint64), np.array([0b0010], np.uint64)).tolist()
    [2]
    """
    return np.asarray(np.bitwise_count(left ^ right), np.uint8)


def _cells(data: Data, column: str) -> Iterator[dict[str, Any]]:
    table = data.table.select_columns([column])
    return (row[column] or {} for row in table)


def _quietly(
    cells: Iterator[dict[str, Any]], work: Callable[[dict[str, Any]], Any]
) -> Iterator[tuple[Any, ...]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's remarks on files that it can read all the same
        yield from in_threads(cells, work)


def _opened(cell: dict[str, Any]) -> Image.Image:
    try:
        return open_image(cell, shorter_side=2 * SIDE)
    except DataError:
        return Image.new("RGB", (SIDE, SIDE))  # gone since it was read; reading reports it


def _square(image: Image.Image) -> Image.Image:
    return image.resize((SIDE, SIDE), Image.Resampling.BICUBIC, reducing_gap=2.0)


def _grey_square(cell: dict[str, Any]) -> npt.NDArray[np.uint8]:
    return np.asarray(_square(_opened(cell)).convert("L"))


def _shape(image: Image.Image, square: Image.Image) -> tuple[npt.NDArray[np.uint8], int]:
    """16 by 16 brightness, and the perceptual hash."""
    small = np.asarray(square.convert("L").resize((16, 16), Image.Resampling.BOX))
    coarse = np.asarray(image.convert("L").resize((32, 32), Image.Resampling.LANCZOS), np.float32)
    return small, perceptual_hash(coarse)


def _coarse(cell: dict[str, Any]) -> npt.NDArray[np.uint8]:
    image = _opened(cell)
    small, code = _shape(image, _square(image))
    return np.concatenate([small.ravel(), np.frombuffer(code.to_bytes(8, "big"), np.uint8)])


def _look(cell: dict[str, Any]) -> tuple[Any, ...]:
    """One image's measurements, in the order of the fields of `Pictures`."""
    turned, mode, kind = _file(cell)
    image = _opened(cell)
    square = _square(image)
    grey = np.asarray(square.convert("L"), np.float32) / 255
    contrast = float(grey.std())
    sharpness = float(laplace(_enlarged_equally(image)).std()) / max(contrast, 0.02)
    small, code = _shape(image, square)
    return (
        float(grey.mean()),
        contrast,
        sharpness,
        small,
        _rim(square),
        np.asarray(square.resize((16, 16), Image.Resampling.BOX)),
        code,
        turned,
        mode,
        kind,
    )


def _enlarged_equally(image: Image.Image) -> npt.NDArray[np.float32]:
    """Brightness at 128 pixels, or at the image's own size where that is smaller."""
    side = min(128, *image.size)
    square = image.convert("L").resize((side, side), Image.Resampling.BOX, reducing_gap=2.0)
    return np.asarray(np.asarray(square, np.float32) / 255, np.float32)


def _rim(square: Image.Image) -> npt.NDArray[np.uint8]:
    """(3, 16): four colours along each side, two pixels wide."""
    pixels = np.asarray(square, np.float32)
    sides = (pixels[:2], pixels[-2:], pixels[:, :2].swapaxes(0, 1), pixels[:, -2:].swapaxes(0, 1))
    strips = [side.mean(0).reshape(4, -1, 3).mean(1) for side in sides]
    return np.concatenate(strips).T.round().astype(np.uint8)


def _file(cell: dict[str, Any]) -> tuple[bool, str, str]:
    """(turned by EXIF, mode, format) from the head of the file; nothing where it cannot be read."""
    source = io.BytesIO(cell["bytes"]) if cell.get("bytes") else cell.get("path")
    try:
        with Image.open(source, formats=FORMATS) as image:  # type: ignore[arg-type]
            turned = image.getexif().get(ExifTags.Base.Orientation, 1) in range(2, 9)
            return turned, image.mode, str(image.format)
    except Exception:
        return False, "", ""
