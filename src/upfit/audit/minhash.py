"""Near-equal texts at a cost that grows with their number alone: MinHash with banding.

Broder 1997, "On the resemblance and containment of documents"; Leskovec, Rajaraman, Ullman, "Mining of
Massive Datasets", chapter 3. Signatures are made column by column with numpy, far faster than text by text.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import HashingVectorizer

BANDS, ROWS = 24, 4
"""Texts that share three quarters of their shingles meet in some band 9,999 times in 10,000."""
SHINGLE = 4

Pairs = npt.NDArray[np.int64]


def shingles(texts: Sequence[str]) -> csr_array:
    """(N, 2²²) flags: which runs of four characters, within words, a text has."""
    vectoriser = HashingVectorizer(
        analyzer="char_wb",
        ngram_range=(SHINGLE, SHINGLE),
        n_features=1 << 22,
        binary=True,
        norm=None,
        alternate_sign=False,
        dtype=np.float32,
    )
    return csr_array(vectoriser.transform(texts))


def near_pairs(texts: Sequence[str], *, least: float) -> tuple[Pairs, npt.NDArray[np.float64]]:
    """Pairs of texts with a Jaccard similarity of shingles of `least` or more.

    Args:
        texts: N different texts, normalised.
        least: 0 to 1; below 0.6 pairs are missed.

    Returns:
        (P, 2) places of the texts, and (P,) similarities.

    >>> near_pairs(["what is the weather today", "what is the weather todays", "play jazz"], least=0.7)[0]
    array([[0, 1]])
    """
    flags = shingles(texts)
    enough = np.flatnonzero(np.diff(flags.indptr) > 0)
    if len(enough) < 2:
        return np.empty((0, 2), np.int64), np.empty(0)
    flags = csr_array(flags[enough])
    candidates = _meetings(signatures(flags))
    similar = jaccard(flags, candidates)
    kept = similar >= least
    return enough[candidates[kept]], similar[kept]


def signatures(flags: csr_array, *, seed: int = 0) -> npt.NDArray[np.uint32]:
    """(N, 96) the least hash of each row's shingles, under each of 96 hash functions."""
    rng = np.random.default_rng(seed)
    found = np.empty((flags.shape[0], BANDS * ROWS), np.uint32)
    items = _scattered(flags.indices.astype(np.uint32))
    hashed = np.empty_like(items)
    for column in range(BANDS * ROWS):
        factor, shift = (np.uint32(value) for value in rng.integers(0, 1 << 32, 2))
        # Modulo 2³², which costs nothing: by an odd factor, it is a permutation.
        np.multiply(items, factor | np.uint32(1), out=hashed)
        np.add(hashed, shift, out=hashed)
        found[:, column] = np.minimum.reduceat(hashed, flags.indptr[:-1])
    return found


def _scattered(items: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """Items over all 32 bits, one to one: the finaliser of MurmurHash3 (Appleby 2011, public domain)."""
    items = items ^ (items >> np.uint32(16))
    items = items * np.uint32(0x85EBCA6B)
    items = items ^ (items >> np.uint32(13))
    items = items * np.uint32(0xC2B2AE35)
    return np.asarray(items ^ (items >> np.uint32(16)), np.uint32)


def jaccard(flags: csr_array, pairs: Pairs) -> npt.NDArray[np.float64]:
    """(P,) shared over all shingles of each pair of rows."""
    if not len(pairs):
        return np.empty(0)
    sizes = np.diff(flags.indptr)
    shared = np.concatenate(
        [
            np.asarray((flags[block[:, 0]] * flags[block[:, 1]]).sum(axis=1)).ravel()
            for block in np.array_split(pairs, 1 + len(pairs) // 50_000)
        ]
    )
    return np.asarray(shared / np.maximum(sizes[pairs[:, 0]] + sizes[pairs[:, 1]] - shared, 1))


def _meetings(signatures_NS: npt.NDArray[np.uint32]) -> Pairs:
    """Pairs that agree in a whole band: each row with the next and with the first of its bucket."""
    found = []
    for band in range(BANDS):
        part = np.ascontiguousarray(signatures_NS[:, band * ROWS : (band + 1) * ROWS])
        keys = part.view(np.dtype((np.void, part.itemsize * ROWS))).ravel()
        order = np.argsort(keys, kind="stable")
        same = keys[order][1:] == keys[order][:-1]
        places = np.flatnonzero(same)
        starts = np.maximum.accumulate(np.where(np.concatenate([[True], ~same]), np.arange(len(order)), 0))
        found.append(np.stack([order[places], order[places + 1]], axis=1))
        found.append(np.stack([order[starts[places + 1]], order[places + 1]], axis=1))
    pairs = np.sort(np.concatenate(found), axis=1)
    return np.unique(pairs[pairs[:, 0] < pairs[:, 1]], axis=0)
