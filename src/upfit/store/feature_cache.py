"""Features computed once per backbone, preprocessing and data, and reused by every run that needs them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from upfit.store.atomic import write_with

Features = npt.NDArray[np.float32]


class FeatureCache:
    """Arrays by content key, memory-mapped when read, the oldest dropped beyond a size.

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
                return _map(path), True
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
    digest = hashlib.blake2b(digest_size=16)
    for name, value in sorted(network.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def _map(path: Path) -> Features:
    mapped: Features = np.load(path, mmap_mode="r", allow_pickle=False)
    return mapped


def _write(path: Path, features: Features) -> None:
    with path.open("wb") as file:
        np.save(file, features, allow_pickle=False)
