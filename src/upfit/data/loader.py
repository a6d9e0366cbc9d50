"""Loader: batches of examples with targets, the same whatever the number of workers or processes."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import DataLoader, Dataset

from upfit.data.boundary import PLAIN, BoundaryExamples
from upfit.data.examples import Batch, Examples
from upfit.data.order import Index, by_length, epoch_batches, repeats

Key = tuple[int, int, int, int]
"""(position, seed, epoch, times drawn before); a negative epoch asks for the example as it is."""


class _Keyed(Dataset[Any]):
    """Examples addressed by key, so that each draws its own random numbers in whichever worker it lands."""

    def __init__(self, examples: Examples, views: int | None = None) -> None:
        self.examples = examples
        self.views = views

    def __getitem__(self, key: Key) -> tuple[int, Any]:
        position, seed, epoch, repeat = key
        view = PLAIN
        if epoch >= 0 and self.views is not None:
            # So many variations and no more, in turn: each can be kept.
            epoch = view = (epoch + repeat) % self.views
            repeat = 0
        rng = None if epoch < 0 else np.random.default_rng((seed, epoch, position, repeat))
        if isinstance(self.examples, BoundaryExamples):
            return position, self.examples.view(position, view, rng)
        return position, self.examples.get(position, rng)


class Loader:
    """Training and evaluation batches of the same examples.

    Args:
        examples: Prepared examples.
        targets: (N,) or (N, K) encoded targets; None for inputs without.
        size: Examples per batch, over all processes.
        seed: Decides order and augmentation.
        bucket: Put examples of like length together.
        workers: Loader processes; the batches are the same for any number.
        shard: (rank, world): every process takes its share of each batch.
        chances: (N,) probability of each row at every draw; None for each once an epoch.
        views: Variations of each example, seen in turn; None for a new one in every epoch.
    """

    def __init__(
        self,
        examples: Examples,
        targets: npt.NDArray[Any] | None,
        *,
        size: int,
        seed: int = 0,
        bucket: bool = True,
        workers: int = 0,
        shard: tuple[int, int] = (0, 1),
        chances: npt.NDArray[np.float64] | None = None,
        views: int | None = None,
    ) -> None:
        self.examples = examples
        self.targets = None if targets is None else torch.as_tensor(targets)
        self.size = size
        self.seed = seed
        self.lengths = examples.lengths if bucket else None
        self.workers = workers
        self.shard = shard
        self.chances = chances
        self.views = views

    def __len__(self) -> int:
        """Batches per epoch."""
        return -(-len(self.examples) // self.size)

    @property
    def count(self) -> int:
        """Number of examples."""
        return len(self.examples)

    def epoch(self, epoch: int, *, start: int = 0) -> Iterator[Batch]:
        """Shuffled, augmented batches of one pass, from batch `start` on.

        Each holds the inputs, `target`, `position` (B,), `count` (examples over all processes) and `share`
        (how many of this process's examples count).
        """
        batches = epoch_batches(
            self.count,
            size=self.size,
            seed=self.seed,
            epoch=epoch,
            lengths=self.lengths,
            chances=self.chances,
        )
        drawn = None if self.chances is None else repeats(batches)[start:]
        return self._batches(batches[start:], epoch, drawn)

    def of(self, examples: Examples) -> Loader:
        """The same batches of the same rows, prepared otherwise."""
        other = copy.copy(self)
        other.examples = examples
        return other

    def alone(self) -> Loader:
        """The same examples in one process, without targets."""
        other = copy.copy(self)
        other.targets, other.shard, other.chances = None, (0, 1), None
        return other

    def get(self, position: int, *, view: int = PLAIN) -> Any:
        """One example, as it is or in one of its views."""
        return _Keyed(self.examples, self.views)[position, self.seed, view, 0][1]

    def once(self, *, view: int = PLAIN) -> Iterator[Batch]:
        """Every example once, longest first, not augmented or in one of its views; `position` says which."""
        lengths = self.lengths if self.lengths is not None else np.zeros(self.count, np.int64)
        return self._batches(by_length(lengths, size=self.size), view)

    def _batches(
        self, batches: Sequence[Index], epoch: int, drawn: Sequence[Index] | None = None
    ) -> Iterator[Batch]:
        rank, world = self.shard
        drawn = drawn or [np.zeros_like(batch) for batch in batches]
        # A process without a share of a tiny batch borrows an example: it must take part in the step.
        shares = [batch[rank::world] for batch in batches]
        pairs = [np.stack([batch, before], axis=1) for batch, before in zip(batches, drawn, strict=True)]
        borrowed = [pair[rank::world] if len(pair) > rank else pair[:1] for pair in pairs]
        keys = [[(p, self.seed, epoch, before) for p, before in pair.tolist()] for pair in borrowed]
        loader = DataLoader(
            _Keyed(self.examples, self.views),
            batch_sampler=keys,
            num_workers=self.workers,
            collate_fn=self._collate,
            # Only from pinned memory do batches move to a GPU while it computes.
            pin_memory=torch.cuda.is_available(),
            # Its own generator: the loader must not draw from the stream that a resumed run continues.
            generator=torch.Generator(),
        )
        for whole, share, batch in zip(batches, shares, loader, strict=True):
            batch["count"] = torch.tensor(len(whole))
            batch["share"] = torch.tensor(len(share))
            yield batch

    def _collate(self, items: Sequence[tuple[int, Any]]) -> Batch:
        positions = torch.tensor([position for position, _ in items])
        batch = self.examples.collate([example for _, example in items])
        batch["position"] = positions
        if self.targets is not None:
            batch["target"] = self.targets[positions]
        return batch
