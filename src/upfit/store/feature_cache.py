"""Features computed once per backbone, preprocessing and data, and reused by every run that needs them."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from upfit.errors import RunFolderError
from upfit.store.atomic import write_with

Features = npt.NDArray[np.float32]


class FeatureCache:
    """Arrays by content key, memory-mapped when read; beyond a size those go that were not used for longest.

    Args:
        folder: Where the arrays lie; by default below `$UPFIT_CACHE` or `~/.cache/upfit`.
        limit_bytes: Greatest total size on disk.
    """

    def __init__(self, folder: Path | None = None, *, limit_bytes: int = 8 * 2**30) -> None:
        self.folder = folder if folder is not None else cache_home() / "features"
        self.limit_bytes = limit_bytes

    def get(self, key: str, compute: Callable[[], Features]) -> tuple[Features, bool]:
        """The array of `key`, computed if need be; and whether it was there already."""
        path = self.folder / f"{key}.npy"
        if path.is_file():
            try:
                return _used(path), True
            except (ValueError, OSError, EOFError):
                path.unlink(missing_ok=True)
        features = compute()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_with(path, lambda aside: _write(aside, features))
            self._make_room()
        except Exception:
            # The cache only saves time: a full disk must not end a run that has what it needs.
            return features, False
        return features, False

    def fill(self, key: str, shape: tuple[int, ...], kind: str, write: Callable[[Any], None]) -> Any:
        """The array of `key`, memory-mapped; if need be `write` fills it, on disk and never whole in memory.

        Args:
            key: Stands for everything that the values depend on.
            shape: Of the array.
            kind: Its numpy type, e.g. `float32`.
            write: Fills the array that it is given.
        """
        path = self.folder / f"{key}.npy"
        try:
            kept: Any = _used(path)
            if kept.shape == shape and kept.dtype == np.dtype(kind):
                return kept
        except (ValueError, OSError, EOFError):
            path.unlink(missing_ok=True)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_with(path, lambda aside: _filled(aside, shape, kind, write))
            kept = _map(path)
            self._make_room()
            return kept
        except (OSError, RunFolderError):
            # No room on the disk: in memory, then.
            array = np.empty(shape, kind)
            write(array)
            return array

    def room(self) -> int:
        """Bytes that may still be asked for: half of what the disk has free, within the limit."""
        place = next(folder for folder in (self.folder, *self.folder.parents) if folder.is_dir())
        return min(self.limit_bytes, shutil.disk_usage(place).free // 2)

    def _make_room(self) -> None:
        files = sorted(self.folder.glob("*.npy"), key=lambda file: file.stat().st_mtime, reverse=True)
        total = 0
        for file in files:
            total += file.stat().st_size
            if total > self.limit_bytes:
                file.unlink(missing_ok=True)


def cache_home() -> Path:
    """The folder for everything that can be computed again."""
    given = os.environ.get("UPFIT_CACHE")
    if given:
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "upfit"


def content_key(*parts: str | bytes) -> str:
    """A SHA-256 (hex) over parts; their order and borders matter."""
    digest = hashlib.sha256()
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        digest.update(len(raw).to_bytes(8, "little") + raw)
    return digest.hexdigest()


def weights_digest(network: nn.Module) -> str:
    """A digest of all weights and buffers, so that changed weights never meet old features."""
    return tensors_digest(network.state_dict())


def tensors_digest(tensors: Mapping[str, torch.Tensor]) -> str:
    """A digest of tensors and their names."""
    digest = hashlib.blake2b(digest_size=16)
    for name, value in sorted(tensors.items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _used(path: Path) -> Features:
    """The array of a file, which counts as used from now on."""
    mapped = _map(path)
    os.utime(path)
    return mapped


def _filled(path: Path, shape: tuple[int, ...], kind: str, write: Callable[[Any], None]) -> None:
    array = np.lib.format.open_memmap(path, mode="w+", dtype=np.dtype(kind), shape=shape)
    write(array)
    array.flush()


def _map(path: Path) -> Features:
    mapped: Features = np.load(path, mmap_mode="r", allow_pickle=False)
    return mapped


def _write(path: Path, features: Features) -> None:
    with path.open("wb") as file:
        np.save(file, features, allow_pickle=False)
