"""Verdicts about this machine: measured once, remembered beside the caches."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable
from pathlib import Path

import torch

from upfit.store.atomic import write_text
from upfit.store.feature_cache import cache_home, content_key


def remembered(what: str, batch: dict[str, torch.Tensor], *, name: str, measure: Callable[[], str]) -> str:
    """What `measure` says, or what it said before of this backbone, on such a batch, on this machine.

    Args:
        what: The question; verdicts lie in `WHAT.json` of the cache folder.
        batch: What was measured with: its shapes are part of the question, roughly. Texts of 41 tokens are
            no other question than texts of 43, and asking costs as long as a dozen steps.
        name: The backbone's name, part of it too.
        measure: Asked when nothing is known.
    """
    hardware = torch.cuda.get_device_name() if torch.cuda.is_available() else processor()
    shape = str(sorted((key, tuple(map(_about, value.shape))) for key, value in batch.items()))
    key = content_key(name, hardware, torch.__version__, str(torch.get_num_threads()), shape)
    path = cache_home() / f"{what}.json"
    known = _read(path)
    if key not in known:
        known[key] = measure()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_text(path, json.dumps(known))
        except Exception:
            # A cache that cannot be written only costs the next run the measurement.
            return known[key]
    return known[key]


def _about(size: int) -> int:
    """A size rounded up to a power of two.

    >>> [_about(size) for size in (1, 16, 41, 43, 100)]
    [1, 16, 64, 64, 128]
    """
    return 1 << max(0, size - 1).bit_length()


def processor() -> str:
    """The processor, as the system names it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    return next((line for line in lines if line.startswith("model name")), platform.processor())


def _read(path: Path) -> dict[str, str]:
    try:
        return dict(json.loads(path.read_text()))
    except (OSError, ValueError):
        return {}
