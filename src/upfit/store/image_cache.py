"""Decoded images on disk: written once, read by offset in every later epoch and by every run alike."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from upfit.data.threads import in_threads
from upfit.errors import RunFolderError
from upfit.store.atomic import write_with
from upfit.store.feature_cache import cache_home

Index = npt.NDArray[np.int64]
"""(N, 4): row, offset in bytes, height, width; sorted by row."""

LIMIT = 4 * 2**30
"""Greatest size of one set of images, in bytes."""


class KeptImages:
    """RGB images in one file, found by row.

    Read rather than mapped: mapped pages count as the run's memory, and memory shall be flat. Picklable, so
    that loader processes may have it; each opens the file for itself.

    Args:
        pixels: The file of all pixels, uint8.
        index: Where each image lies.
    """

    def __init__(self, pixels: Path, index: Index) -> None:
        self.pixels = pixels
        self.index = index
        self._file: int | None = None

    def get(self, row: int) -> Image.Image | None:
        """The image of a row; None where the row is not among them or cannot be read."""
        place = int(np.searchsorted(self.index[:, 0], row))
        if place == len(self.index) or self.index[place, 0] != row:
            return None
        _, offset, height, width = (int(number) for number in self.index[place])
        try:
            content = os.pread(self._descriptor(), height * width * 3, offset)
        except OSError:
            return None
        if len(content) != height * width * 3:
            return None
        return Image.frombytes("RGB", (width, height), content)

    def __len__(self) -> int:
        return len(self.index)

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_file": None}

    def __del__(self) -> None:
        if getattr(self, "_file", None) is not None:
            os.close(self._file)  # type: ignore[arg-type]

    def _descriptor(self) -> int:
        if self._file is None:
            # Held open: whoever makes room meanwhile does not take it from a run that reads.
            self._file = os.open(self.pixels, os.O_RDONLY)
        return self._file


class ImageCache:
    """Sets of decoded images by content key, the oldest dropped beyond a size.

    Args:
        folder: Where they lie; by default below `$UPFIT_CACHE` or `~/.cache/upfit`.
        limit_bytes: Greatest total size on disk.
    """

    def __init__(self, folder: Path | None = None, *, limit_bytes: int = 2 * LIMIT) -> None:
        self.folder = folder if folder is not None else cache_home() / "images"
        self.limit_bytes = limit_bytes

    def keep(
        self,
        key: str,
        rows: npt.NDArray[np.int64],
        decode: Callable[[int], Image.Image],
        *,
        advance: Callable[[int, int], None] = lambda done, total: None,
    ) -> bool:
        """Decode and keep the images of some rows; False where there is no room for them.

        Args:
            key: Stands for the rows and everything that decides their pixels.
            rows: Which rows; each is decoded once.
            decode: Row → RGB image; called in several threads.
            advance: Told how many of all are done.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._write(key, np.unique(rows), decode, advance)
        except (_Full, OSError, RunFolderError):
            # The cache only saves time: a full disk must not end a run that has what it needs.
            return False
        self._make_room(key)
        return True

    def _paths(self, key: str) -> tuple[Path, Path]:
        return self.folder / f"{key}.pixels", self.folder / f"{key}.npy"

    def find(self, key: str) -> KeptImages | None:
        """What was kept under a key, if it is whole: the index is written last."""
        pixels, index = self._paths(key)
        try:
            known: Index = np.load(index, allow_pickle=False)
            size = int((known[:, 2] * known[:, 3]).sum()) * 3
            if pixels.stat().st_size != size:
                return None
            os.utime(index)
        except (OSError, ValueError, EOFError, IndexError):
            return None
        return KeptImages(pixels, known)

    def _write(
        self,
        key: str,
        rows: npt.NDArray[np.int64],
        decode: Callable[[int], Image.Image],
        advance: Callable[[int, int], None],
    ) -> None:
        pixels, index = self._paths(key)
        places: list[tuple[int, int, int, int]] = []
        room = min(LIMIT, self.limit_bytes, shutil.disk_usage(self.folder).free // 2)

        def write_pixels(aside: Path) -> None:
            offset = 0
            with aside.open("wb") as file:
                for done, image in enumerate(in_threads(rows.tolist(), decode), start=1):
                    places.append((int(rows[done - 1]), offset, image.height, image.width))
                    offset += image.height * image.width * 3
                    if offset > room:
                        raise _Full
                    file.write(image.tobytes())
                    advance(done, len(rows))

        write_with(pixels, write_pixels)
        write_with(index, lambda aside: _save(aside, np.array(places, np.int64).reshape(-1, 4)))

    def _make_room(self, newest: str) -> None:
        """Drop the sets that nobody has opened for longest, never the newest."""
        total = 0
        for index in sorted(self.folder.glob("*.npy"), key=lambda file: file.stat().st_mtime, reverse=True):
            pixels = index.with_suffix(".pixels")
            total += pixels.stat().st_size if pixels.is_file() else 0
            if total > self.limit_bytes and index.stem != newest:
                index.unlink(missing_ok=True)
                pixels.unlink(missing_ok=True)


class _Full(Exception):
    """There is no room for so many images."""


def _save(path: Path, index: Index) -> None:
    with path.open("wb") as file:
        np.save(file, index, allow_pickle=False)
