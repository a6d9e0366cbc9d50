"""The order in which rows are seen: decided by (seed, epoch) alone, whatever the workers or processes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Index = npt.NDArray[np.int64]

BUCKET_BATCHES = 50
"""Batches that are sorted by length together: long enough to save padding, short enough to stay random."""


def epoch_batches(
    count: int,
    *,
    size: int,
    seed: int,
    epoch: int,
    lengths: Index | None = None,
    chances: npt.NDArray[np.float64] | None = None,
) -> list[Index]:
    """Shuffled batches of positions 0 … count-1; the last one may be short.

    Args:
        count: Number of training rows.
        size: Examples per batch.
        seed: The recipe's seed.
        epoch: Which pass this is, from 0.
        lengths: (count,) tokens per row; given, rows of like length share a batch.
        chances: (count,) probability of each row at every draw, with replacement; without, each comes once.

    Example:
        >>> [len(batch) for batch in epoch_batches(10, size=4, seed=0, epoch=0)]
        [4, 4, 2]
    """
    rng = np.random.default_rng((seed, epoch))
    order = rng.permutation(count) if chances is None else rng.choice(count, count, p=chances)
    if lengths is not None:
        order = _sorted_in_chunks(order, lengths, size * BUCKET_BATCHES)
    batches = [order[start : start + size] for start in range(0, count, size)]
    if lengths is None:
        return batches
    return [batches[index] for index in rng.permutation(len(batches))]


def repeats(batches: list[Index]) -> list[Index]:
    """For every position, how often it came before in these batches.

    Example:
        >>> [list(map(int, batch)) for batch in repeats([np.array([7, 3]), np.array([7, 7])])]
        [[0, 0], [1, 2]]
    """
    flat = np.concatenate(batches)
    order = np.argsort(flat, kind="stable")
    sorted_ = flat[order]
    first = np.searchsorted(sorted_, sorted_, side="left")
    nth = np.empty(len(flat), np.int64)
    nth[order] = np.arange(len(flat)) - first
    return np.split(nth, np.cumsum([len(batch) for batch in batches])[:-1])


def by_length(lengths: Index, *, size: int) -> list[Index]:
    """Batches for evaluation: everything once, longest first, so that memory peaks at once."""
    order = np.argsort(-lengths, kind="stable")
    return [order[start : start + size] for start in range(0, len(order), size)]


def _sorted_in_chunks(order: Index, lengths: Index, chunk: int) -> Index:
    """Sort each chunk of a shuffled order by length; ties keep their shuffled order."""
    pieces = [order[start : start + chunk] for start in range(0, len(order), chunk)]
    return np.concatenate([piece[np.argsort(lengths[piece], kind="stable")] for piece in pieces])
