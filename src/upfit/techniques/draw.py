"""Random numbers of a step, drawn from the generator that the loop hands out."""

from __future__ import annotations

import numpy as np
import torch

LARGEST = 2**62


def numpy_of(rng: torch.Generator) -> np.random.Generator:
    """A numpy generator that goes on from a torch one: numpy has the distributions that torch seeds globally.

    Example:
        >>> numpy_of(torch.Generator().manual_seed(0)).beta(1.0, 1.0) < 1
        True
    """
    return np.random.default_rng(int(torch.randint(LARGEST, (), generator=rng)))


def generator_on(device: torch.device, rng: torch.Generator) -> torch.Generator:
    """A generator of a device that goes on from one of the CPU: large draws are made where they are used."""
    return torch.Generator(device).manual_seed(int(torch.randint(LARGEST, (), generator=rng)))
