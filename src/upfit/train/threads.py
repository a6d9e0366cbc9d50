"""How many threads compute on the CPU: as many as make it faster, which on a busy machine is not all.

The threads of an operation wait for the slowest of them. Where other programs hold a core, all of them wait
for the one that shares it, at every operation: on two cores that were both in use, two threads were four
times slower than one (`bench/threads.py`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from upfit.models import Backbone
from upfit.train.costs import pass_seconds

WORTH = 1.1
"""Half the threads have to be this many times faster: a machine is busy today and idle tonight."""
TRIES = 4
IMAGE_SIZE, TOKENS, EXAMPLES = 64, 32, 16


def choose_threads(backbone: Backbone) -> int:
    """Threads for this backbone on this machine, now; `OMP_NUM_THREADS` is what the user chose, and stays.

    Args:
        backbone: On the CPU; left as it was.
    """
    most = torch.get_num_threads()
    if "OMP_NUM_THREADS" in os.environ or torch.cuda.is_available():
        return most
    batch = like_real_examples(backbone)
    pass_seconds(backbone, batch)
    return fastest(most, lambda count: _seconds_with(count, backbone, batch))


def fastest(most: int, seconds: Callable[[int], float]) -> int:
    """Halve the threads for as long as that is clearly faster.

    Args:
        most: Threads to begin with.
        seconds: Of the work with so many threads.

    Example:
        >>> fastest(8, lambda count: 1 / count), fastest(8, lambda count: count)
        (8, 1)
    """
    best, taken = most, seconds(most) if most > 1 else 0.0
    while best > 1:
        fewer = seconds(best // 2)
        if taken <= WORTH * fewer:
            break
        best, taken = best // 2, fewer
    return best


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Compute with so many threads, at most those there were; afterwards with as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(min(count, before))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _seconds_with(count: int, backbone: Backbone, batch: dict[str, torch.Tensor]) -> float:
    with threads(count):
        # The mean, not the least: what others do meanwhile is what is asked about.
        return sum(pass_seconds(backbone, batch) for _ in range(TRIES)) / TRIES


def like_real_examples(backbone: Backbone) -> dict[str, torch.Tensor]:
    """A batch that costs as much as one of real examples."""
    if backbone.modality == "image":
        size = backbone.inputs.size if backbone.inputs.fixed else IMAGE_SIZE
        return {"image": torch.zeros(EXAMPLES, 3, size, size)}
    ones = torch.ones(EXAMPLES, min(TOKENS, backbone.inputs.max_length), dtype=torch.int64)
    return {"input_ids": ones, "attention_mask": ones, "segments": ones}
