"""A loader of the same batches for the Doctor, so that the trainer's own is never passed over by us."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils.data import DataLoader, IterableDataset, SequentialSampler

SEED = 0


def twin_of(loader: Any) -> Any:
    """A DataLoader on the same dataset with the same batches' size, shuffled where the other is.

    Trainers count the passes over their loaders and seed the next one by that, so looking through the
    original would change the order of training. What is no DataLoader over a map-style dataset is None: the
    Doctor then does without.

    Args:
        loader: The trainer's, possibly wrapped by Accelerate or Lightning.

    Example:
        >>> twin = twin_of(DataLoader(torch.arange(6.0), batch_size=4))
        >>> [batch.tolist() for batch in twin]
        [[0.0, 1.0, 2.0, 3.0], [4.0, 5.0]]
    """
    dataset = getattr(loader, "dataset", None)
    if dataset is None or isinstance(dataset, IterableDataset) or not hasattr(dataset, "__getitem__"):
        return None
    sampler = _batch_sampler(loader)
    size = getattr(sampler, "batch_size", None) or getattr(loader, "batch_size", None)
    if not size:
        return None
    in_order = isinstance(getattr(sampler, "sampler", None), SequentialSampler)
    return DataLoader(
        dataset,
        batch_size=int(size),
        shuffle=not in_order,
        drop_last=bool(getattr(sampler, "drop_last", False)),
        collate_fn=getattr(loader, "collate_fn", None),
        generator=torch.Generator().manual_seed(SEED),
    )


def _batch_sampler(loader: Any) -> Any:
    """The sampler that makes batches, inside whatever shards it over processes."""
    sampler: Any = getattr(loader, "batch_sampler", None)
    while hasattr(sampler, "batch_sampler"):
        sampler = sampler.batch_sampler
    return sampler
