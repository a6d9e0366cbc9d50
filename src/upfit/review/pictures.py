"""Pictures of rows for the page: small, made when they are first looked at, a bounded number kept."""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from upfit.data.images import open_image
from upfit.errors import DataError
from upfit.values import Data

SIDES = {"small": 320, "large": 1400}
"""Pixels of the longer side."""
PIXELS = 128
"""Up to this size a picture keeps every pixel as it is (PNG); beyond, JPEG is a tenth of the bytes."""

Made = tuple[bytes, str]


class OutsideError(DataError):
    """A picture lies outside of the folders that the page may show."""


class Pictures:
    """JPEG or PNG bytes of images, by row.

    Args:
        data: Whose images.
        roots: Folders that images on disk have to lie in, however their paths are written.
        limit_bytes: What is kept in memory at most; those go first that were not asked for longest.
    """

    def __init__(self, data: Data, roots: Sequence[Path], *, limit_bytes: int = 96 << 20) -> None:
        self.data = data
        self.columns = data.schema.of_kind("image")
        self.roots = tuple(root.resolve() for root in roots)
        self.limit_bytes = limit_bytes
        self.size_bytes = 0
        self._kept: OrderedDict[tuple[int, int, str], Made] = OrderedDict()
        self._keeping = threading.Lock()

    def get(self, row: int, column: int = 0, size: str = "small") -> Made:
        """(bytes, media type) of an image.

        Raises:
            OutsideError: Its file lies outside of the roots.
            DataError: There is none, or it cannot be read.
        """
        key = (row, column, size)
        with self._keeping:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        made = _encoded(open_image(self._cell(row, column), shorter_side=SIDES[size]), SIDES[size])
        with self._keeping:
            self._keep(key, made)
        return made

    def _cell(self, row: int, column: int) -> dict[str, Any]:
        if not (0 <= row < len(self.data) and 0 <= column < len(self.columns)):
            raise DataError("there is no such picture")
        cell = self.data.table[row][self.columns[column]] or {}
        if not cell.get("bytes") and cell.get("path") and "://" not in cell["path"]:
            place = Path(cell["path"]).resolve()
            if not any(place.is_relative_to(root) for root in self.roots):
                raise OutsideError(
                    "the file lies outside of the data folder", hint="upfit review … --root FOLDER"
                )
        return dict(cell)

    def _keep(self, key: tuple[int, int, str], made: Made) -> None:
        if key in self._kept:
            return
        self._kept[key] = made
        self.size_bytes += len(made[0])
        while self.size_bytes > self.limit_bytes:
            _, (gone, _) = self._kept.popitem(last=False)
            self.size_bytes -= len(gone)


def roots_of(request: Mapping[str, Any]) -> tuple[Path, ...]:
    """The folders that the data lie in."""
    sources = [request.get("data"), *(request.get("parts") or {}).values()]
    paths = [Path(one).resolve() for one in sources if isinstance(one, str | Path)]
    return tuple(path if path.is_dir() else path.parent for path in paths)


def _encoded(image: Image.Image, side: int) -> Made:
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    if max(image.size) <= PIXELS:
        image.save(buffer, "PNG")
        return buffer.getvalue(), "image/png"
    image.save(buffer, "JPEG", quality=82)
    return buffer.getvalue(), "image/jpeg"
