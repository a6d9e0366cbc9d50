"""Small JPEG pictures as text that a page can hold."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from typing import Any

from PIL import Image

from upfit.data.images import open_image
from upfit.errors import DataError

SIDE = 160


def thumbnail(cell: Mapping[str, Any]) -> str | None:
    """A `data:` address of the image, at most 160 pixels a side; None where it cannot be read any more."""
    try:
        image = open_image(cell, shorter_side=SIDE)
    except DataError:
        return None
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    return address(image)


def address(image: Image.Image) -> str:
    """A `data:` address of the image as it is."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=75, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
