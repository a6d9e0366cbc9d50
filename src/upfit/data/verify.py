"""Every image is decoded once, in threads: who cannot be read is found, pixels are hashed, sizes noted."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from upfit.data.images import open_image
from upfit.data.threads import in_threads
from upfit.errors import DataError

Seen = tuple[str, int, int, str]
"""Hash, width, height and fault of one image."""
Advance = Callable[[int, int], None]
"""Told how many of how many images were looked at."""


@dataclass(frozen=True, eq=False)
class Verified:
    """What decoding N image cells showed.

    Args:
        pixels: (N,) hashes of the upright RGB pixels; b"" where the image could not be read.
        width: (N,) pixels; 0 where the image could not be read.
        height: (N,) pixels.
        faults: Why, for each row that could not be read.
    """

    pixels: npt.NDArray[np.bytes_]
    width: npt.NDArray[np.int32]
    height: npt.NDArray[np.int32]
    faults: dict[int, str]


def pixel_hash(image: Image.Image) -> str:
    """A hash (64 hex digits) of the pixels and the size, whatever file they came from.

    >>> a, b = Image.new("RGB", (2, 3)), Image.new("RGB", (3, 2))
    >>> pixel_hash(a) == pixel_hash(b)
    False
    """
    size = f"{image.width}x{image.height}|".encode()
    return hashlib.blake2b(size + image.tobytes(), digest_size=32).hexdigest()


def verify(cells: Iterable[dict[str, Any]], *, total: int = 0, advance: Advance | None = None) -> Verified:
    """Decode every cell; threads do it, since Pillow lets go of the interpreter while it decodes.

    Args:
        cells: Image cells.
        total: How many there are, for `advance`.
        advance: Shows progress.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's remarks on files that it can read all the same
        seen = []
        for one in in_threads(cells, _look):
            seen.append(one)
            if advance is not None:
                advance(len(seen), total)
    return Verified(
        pixels=np.array([one[0] for one in seen], dtype="S64"),
        width=np.array([one[1] for one in seen], dtype=np.int32),
        height=np.array([one[2] for one in seen], dtype=np.int32),
        faults={row: one[3] for row, one in enumerate(seen) if one[3]},
    )


def _look(cell: dict[str, Any]) -> Seen:
    try:
        image = open_image(cell)
    except DataError as error:
        return "", 0, 0, error.message
    return pixel_hash(image), image.width, image.height, ""
