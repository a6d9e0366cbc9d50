"""How many processes prepare batches: as many as it takes to have one ready whenever the GPU is."""

from __future__ import annotations

import math
import os
import time

import torch

from upfit.train.job import Source

TRIES = 4
NEGLIGIBLE = 0.05
"""Part of a step that preparing a batch may take without anybody's help."""
MOST = 16


def batch_seconds(source: Source) -> float:
    """Least seconds to prepare a batch, of a few."""
    batches, seconds = iter(source.epoch(0)), []
    for _ in range(min(TRIES, len(source))):
        began = time.monotonic()
        next(batches)
        seconds.append(time.monotonic() - began)
    return min(seconds, default=0.0)


def workers_for(source: Source, step: float, device: torch.device) -> int:
    """Loader processes for steps of so many seconds: none where the CPU trains, whose cores are busy."""
    if device.type == "cpu":
        return 0
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return enough_workers(batch_seconds(source), step, cores=cores)


def enough_workers(load: float, step: float, *, cores: int) -> int:
    """Loader processes beside the one that trains.

    Args:
        load: Seconds to prepare a batch in one process.
        step: Seconds that a step takes on the device.
        cores: That this process may use.

    Example:
        >>> [enough_workers(0.1, step, cores=8) for step in (0.02, 0.05, 3.0)]
        [6, 3, 0]
    """
    if load <= NEGLIGIBLE * step:
        return 0
    # One more than it takes on average: batches are not equally dear.
    return max(0, min(MOST, cores - 1, math.ceil(load / step) + 1))
