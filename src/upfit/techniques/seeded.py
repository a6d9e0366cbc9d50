"""torch's random numbers drawn from a numpy generator for a while, with nothing left behind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def seeded_from(rng: np.random.Generator) -> Iterator[None]:
    """Seed torch's generator on the CPU from `rng` inside the block, and put it back as it was after.

    Libraries draw from the global generator; the loop's dropout does too, and must not notice. The
    generators of GPUs are left alone, which `torch.manual_seed` would not do.

    Example:
        >>> before = torch.get_rng_state()
        >>> with seeded_from(np.random.default_rng(0)):
        ...     drawn = torch.rand(3)
        >>> bool((torch.get_rng_state() == before).all())
        True
    """
    generator = torch.default_generator
    before = generator.get_state()
    generator.manual_seed(int(rng.integers(0, 2**63 - 1)))
    try:
        yield
    finally:
        generator.set_state(before)
