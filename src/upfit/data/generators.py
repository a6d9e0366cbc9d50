"""Random generators that loaders, samplers, datasets and transforms carry with them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

DEEPEST = 5
"""Loader → sampler or dataset → dataset inside → transform → transforms inside."""
WIDEST = 64
"""Longer lists hold data, not transforms."""


def generators_in(thing: Any, *, depth: int = DEEPEST) -> list[Callable[[], None]]:
    """For each generator found in `thing`, a function that sets it back to how it is now."""
    return [restorer for found in _walk(thing, depth, set()) for restorer in _restorers(found)]


def reseed(thing: Any, seed: int) -> None:
    """Bring each generator found in `thing` to another state, which its present one and a seed decide.

    Example:
        >>> generator = torch.Generator().manual_seed(1)
        >>> back = generators_in([generator])
        >>> reseed([generator], 7)
        >>> once = torch.rand(2, generator=generator)
        >>> _ = back[0]()
        >>> reseed([generator], 7)
        >>> torch.equal(torch.rand(2, generator=generator), once)
        True
    """
    for found in _walk(thing, DEEPEST, set()):
        _reseed(found, seed)


def _walk(thing: Any, depth: int, seen: set[int]) -> Iterator[Any]:
    if id(thing) in seen or depth < 0:
        return
    seen.add(id(thing))
    if isinstance(thing, random.Random | np.random.Generator | np.random.RandomState | torch.Generator):
        yield thing
        return
    if isinstance(thing, torch.Tensor | np.ndarray | str | bytes | int | float):
        return
    if isinstance(thing, dict):
        inside: Any = thing.values() if len(thing) <= WIDEST else ()
    elif isinstance(thing, list | tuple):
        inside = thing if len(thing) <= WIDEST else ()
    else:
        inside = list(getattr(thing, "__dict__", {}).values())
    for one in inside:
        yield from _walk(one, depth - 1, seen)


def _restorers(generator: Any) -> Iterator[Callable[[], None]]:
    if isinstance(generator, random.Random):
        python = generator.getstate()
        yield lambda: generator.setstate(python)
    elif isinstance(generator, np.random.Generator):
        bits = generator.bit_generator.state
        yield lambda: setattr(generator.bit_generator, "state", bits)
    elif isinstance(generator, np.random.RandomState):
        legacy = generator.get_state()
        yield lambda: generator.set_state(legacy)
    else:
        state = generator.get_state()
        yield lambda: generator.set_state(state)


def _reseed(generator: Any, seed: int) -> None:
    if isinstance(generator, random.Random):
        generator.seed(generator.getrandbits(32) + seed)
    elif isinstance(generator, np.random.Generator):
        bits = generator.bit_generator
        bits.state = type(bits)(int(generator.integers(2**32)) + seed).state
    elif isinstance(generator, np.random.RandomState):
        generator.seed((int(generator.randint(2**31)) + seed) % 2**32)
    else:
        drawn = torch.randint(2**31, (), generator=generator, device=generator.device)
        generator.manual_seed(int(drawn) + seed)
