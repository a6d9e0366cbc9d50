"""Checkpoints: everything a killed run needs to go on, verified when read."""

from __future__ import annotations

import hashlib
import re
import time
from pathlib import Path
from typing import Any

import torch

from upfit.store.atomic import aside

NAME = re.compile(r"^step-(\d{9})-([0-9a-f]{16})\.pt$")
KEPT = 2
COST_FRACTION = 0.02


class Checkpoints:
    """The newest checkpoints of a run. A file's name holds its step and its digest.

    Args:
        folder: Where they lie; created when first saved to.
        every: Seconds between saves at least; None lets saving cost about 2 % of the time.
    """

    def __init__(self, folder: Path, *, every: float | None = None) -> None:
        self.folder = folder
        self.every = every
        self._saved_at = time.monotonic()
        self._cost = 0.2

    def due(self) -> bool:
        """Whether enough time has passed since the last save."""
        wait = self.every if self.every is not None else max(10.0, self._cost / COST_FRACTION)
        return time.monotonic() - self._saved_at >= wait

    def save(self, step: int, state: dict[str, Any]) -> None:
        """Write a checkpoint (tensors and plain values) and drop all but the newest two."""
        started = time.monotonic()
        self.folder.mkdir(parents=True, exist_ok=True)
        part = self.folder / f"step-{step:09d}.part"
        with aside(part) as temporary:
            _write(state, temporary)
            digest = _digest(temporary)
        part.replace(self.folder / f"step-{step:09d}-{digest}.pt")
        for old in self._newest_first()[KEPT:]:
            old.unlink()
        self._saved_at = time.monotonic()
        self._cost = self._saved_at - started

    def load(self, *, until: int | None = None) -> tuple[dict[str, Any] | None, tuple[str, ...]]:
        """The newest checkpoint that is whole, and a line on each newer one that was not.

        Args:
            until: Only those of this step or before; None for all.
        """
        damaged: list[str] = []
        for path in self._newest_first():
            if until is not None and _step(path) > until:
                continue
            try:
                return _read(path), tuple(damaged)
            except Exception as error:
                # Whatever a damaged or hostile file provokes, the one before it may still be good.
                damaged.append(f"checkpoint {path.name} is damaged ({error}); fell back to the one before")
        return None, tuple(damaged)

    def oldest(self) -> dict[str, Any] | None:
        """The oldest checkpoint that is still there and whole."""
        steps = [_step(path) for path in reversed(self._newest_first())]
        return next((found for step in steps if (found := self.load(until=step)[0])), None)

    def _newest_first(self) -> list[Path]:
        if not self.folder.is_dir():
            return []
        return sorted((p for p in self.folder.iterdir() if NAME.match(p.name)), reverse=True)


def _step(path: Path) -> int:
    match = NAME.match(path.name)
    assert match is not None
    return int(match.group(1))


def _write(state: dict[str, Any], path: Path) -> None:
    """`torch.save`, with a full disk reported as the OSError that it is."""
    try:
        torch.save(state, path)
    except RuntimeError as error:
        raise OSError(f"writing a checkpoint failed, is the disk full? ({error})") from error


def _read(path: Path) -> dict[str, Any]:
    """Load after checking the digest; weights_only, so that nothing in the file can run."""
    match = NAME.match(path.name)
    assert match is not None
    if _digest(path) != match.group(2):
        raise ValueError("its content does not match its digest")
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state


def _digest(path: Path) -> str:
    """16 hex digits of the file's BLAKE2b: against damage, not against an adversary."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=8)).hexdigest()
