"""Image cells become RGB images: orientation, palettes, 16 bits, CMYK and transparency settled."""

from __future__ import annotations

import io
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from upfit.errors import DataError

FORMATS = ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM")
"""Raster formats that are read; formats that run programs (EPS, PDF) are not among them."""

EXTENSIONS = frozenset(
    (
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".bmp", ".dib"),
        *(".tif", ".tiff", ".webp", ".ppm", ".pgm", ".pbm", ".pnm"),
    )
)
"""Names that promise an image."""

FOREIGN = frozenset(
    (
        *(".heic", ".heif", ".avif", ".jxl", ".jp2", ".svg", ".psd"),
        *(".dng", ".raw", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf"),
    )
)
"""Names that promise a picture, in a format that is not read: telephones, cameras, drawings."""

LARGEST = 178_956_970
"""Pixels (about 0.5 GiB of RGB). A larger image is taken for a decompression bomb."""


def open_image(cell: Mapping[str, Any], *, shorter_side: int | None = None) -> Image.Image:
    """Decode an image cell to RGB, upright.

    Args:
        cell: `{"path": str | None, "bytes": bytes | None}`; the bytes win where both are there.
        shorter_side: Pixels that the shorter side must at least keep. A JPEG is then decoded at a half, a
            quarter or an eighth of its size where that is enough, which is several times faster.

    Returns:
        A new image of mode RGB.

    Raises:
        DataError: No image, damaged, of an unknown format, or too large.

    >>> buffer = io.BytesIO(); Image.new("L", (4, 2), 7).save(buffer, "PNG")
    >>> open_image({"path": None, "bytes": buffer.getvalue()}).getpixel((0, 0))
    (7, 7, 7)
    """
    try:
        with Image.open(_stream(cell), formats=FORMATS) as image:
            return _decode(image, shorter_side)
    except DataError:
        raise
    except Image.DecompressionBombError:
        raise DataError(f"{_name(cell)} is too large: more than {LARGEST:,} pixels") from None
    except Exception as error:  # Pillow raises many types on damaged files; each means the same here
        raise DataError(f"{_name(cell)} cannot be read as an image: {_reason(error)}") from None


def _stream(cell: Mapping[str, Any]) -> io.BytesIO | str:
    """What Pillow shall open; only regular files, so that a device or a pipe cannot hang the run."""
    if cell.get("bytes"):
        return io.BytesIO(cell["bytes"])
    path = cell.get("path")
    if not path:
        raise DataError("an image cell is empty", expected="a path or bytes")
    if "://" in path:
        raise DataError(f"{path} is an address", expected="a file", hint="download it first")
    status = Path(path).stat()
    if not stat.S_ISREG(status.st_mode):
        raise DataError(f"{path} is not a file")
    if status.st_size == 0:
        raise DataError(f"{path} is empty (0 bytes)")
    return str(path)


def _decode(image: Image.Image, shorter_side: int | None) -> Image.Image:
    width, height = image.size
    if width * height > LARGEST:
        raise Image.DecompressionBombError
    if shorter_side is not None:
        scale = max(1, min(width, height) // shorter_side)
        image.draft(None, (width // scale, height // scale))
    image.load()
    return to_rgb(_upright(image))


def _upright(image: Image.Image) -> Image.Image:
    """The image as its EXIF orientation wants it shown; damaged EXIF counts as none."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:
        return image


def to_rgb(image: Image.Image) -> Image.Image:
    """An image of any mode as RGB; transparency is laid on white, 16 bits are scaled to 8."""
    if image.mode == "RGB" and "transparency" not in image.info:
        return image.copy()
    if image.mode.startswith(("I", "F")):
        return _eight_bits(image).convert("RGB")
    if "A" in image.mode or "a" in image.mode or "transparency" in image.info:
        return _on_white(image.convert("RGBA"))
    return image.convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """Scale 16-bit, 32-bit and floating grey values to 0..255.

    65535 is white. Values beyond that, and floats, are scaled by their own range instead, except floats
    within 0..1, where 1 is white.
    """
    grey = np.nan_to_num(np.asarray(image, dtype=np.float64))
    low, high = float(grey.min()), float(grey.max())
    if image.mode.startswith("I") and low >= 0 and high <= 65535:
        low, high = 0.0, 65535.0
    elif image.mode == "F" and low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    scaled = (grey - low) / max(high - low, 1e-12) * 255
    return Image.fromarray(np.rint(scaled).astype(np.uint8))


def _on_white(image: Image.Image) -> Image.Image:
    white = Image.new("RGBA", image.size, (255, 255, 255, 255))
    return Image.alpha_composite(white, image).convert("RGB")


def _name(cell: Mapping[str, Any]) -> str:
    return str(cell.get("path") or "an image")


def _reason(error: Exception) -> str:
    """Pillow's reason in a few words, without the object's address."""
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if type(error).__name__ == "UnidentifiedImageError":
        return "not a picture, whatever its name says"
    return str(error).split("<")[0].strip() or type(error).__name__
