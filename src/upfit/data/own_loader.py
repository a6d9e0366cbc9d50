"""A user's own DataLoader as a source of training batches, repeatable for (epoch, start)."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import torch

from upfit.data.generators import generators_in, reseed
from upfit.errors import DataError

Part = Callable[[Any], tuple[Any, torch.Tensor]]


class OwnSource:
    """Training batches of a user's loader.

    The loader draws from random streams of its own, seeded by (seed, epoch), so that a resumed run skips to
    where it was and sees the same batches, and so that drawing does not disturb the model's dropout.
    Generators that its user gave it are seeded from where they are and by (seed, epoch), and end up where
    they were.

    Args:
        loader: Anything that can be iterated again for every epoch and has a length.
        part: Takes a batch apart into inputs and target.
        seed: The recipe's seed.
        encode: Target → target in the units of the outputs.
        shard: (rank, world): every process takes its share of each batch.
    """

    def __init__(
        self,
        loader: Any,
        *,
        part: Part,
        seed: int,
        encode: Callable[[torch.Tensor], torch.Tensor],
        shard: tuple[int, int] = (0, 1),
    ) -> None:
        if not length_of(loader):
            raise DataError(
                "the training loader gives no batches"
                if length_of(loader) == 0
                else "the training loader has no length",
                hint="give a DataLoader over a map-style dataset, or a list of batches",
            )
        self.loader = loader
        self.part = part
        self.seed = seed
        self.encode = encode
        self.shard = shard

    def __len__(self) -> int:
        """Batches per epoch."""
        return len(self.loader)

    def epoch(self, epoch: int, *, start: int = 0) -> Iterator[dict[str, Any]]:
        """The batches of one pass, from batch `start` on."""
        for number, batch in enumerate(_apart(self.loader, self.seed * 100_003 + epoch)):
            if number < start:
                continue
            inputs, target = self.part(batch)
            count = torch.tensor(len(target))
            rank, world = self.shard
            inputs, target = shared_out(inputs, rank, world), self.encode(target[rank::world])
            yield {"inputs": inputs, "target": target, "count": count, "share": torch.tensor(len(target))}


def length_of(loader: Any) -> int | None:
    """Batches per pass; None where a loader does not know, as over an `IterableDataset`."""
    try:
        return len(loader)
    except TypeError:
        return None


def shared_out(inputs: Any, rank: int, world: int) -> Any:
    """Every world-th example of nested tensors, from `rank` on."""
    if world == 1:
        return inputs
    if isinstance(inputs, torch.Tensor):
        return inputs[rank::world]
    if isinstance(inputs, Mapping):
        return {key: shared_out(value, rank, world) for key, value in inputs.items()}
    return tuple(shared_out(value, rank, world) for value in inputs)


def moved(value: Any, device: torch.device) -> Any:
    """Nested tensors on a device."""
    if isinstance(value, torch.Tensor):
        return value.to(device, non_blocking=True)
    if isinstance(value, Mapping):
        return {key: moved(item, device) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return tuple(moved(item, device) for item in value)
    return value


def _apart(loader: Iterable[Any], seed: int) -> Iterator[Any]:
    """Iterate with the global random streams seeded, and the caller's streams put back around each batch."""
    callers, back = _streams(), generators_in(loader)
    _seed(seed)
    reseed(loader, seed)
    end = object()
    try:
        iterator = iter(loader)
        while True:
            batch = next(iterator, end)
            loaders = _streams()
            _restore(callers)
            if batch is end:
                return
            yield batch
            callers = _streams()
            _restore(loaders)
    finally:
        for restore in back:
            restore()


def _seed(seed: int) -> None:
    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)


def _streams() -> tuple[Any, Any, Any]:
    return torch.get_rng_state(), random.getstate(), np.random.get_state()


def _restore(streams: tuple[Any, Any, Any]) -> None:
    torch.set_rng_state(streams[0])
    random.setstate(streams[1])
    np.random.set_state(streams[2])
