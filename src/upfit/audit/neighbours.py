"""Nearest neighbours by cosine: exact up to some ten thousand rows, approximate beyond."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from upfit.errors import MissingExtraError

EXACT_ROWS = 30_000
_BLOCK = 1024

Features = npt.NDArray[np.float32]


def nearest(
    unit_ND: Features, k: int, *, most_exact: int = EXACT_ROWS
) -> tuple[npt.NDArray[np.int64], Features]:
    """The k nearest other rows of each row.

    Args:
        unit_ND: (N, D) features of length 1.
        k: How many; fewer where there are fewer rows.
        most_exact: Rows beyond which neighbours are approximate.

    Returns:
        (N, k) their places and (N, k) cosines, the nearest first.

    Raises:
        MissingExtraError: More rows than that, and hnswlib is not installed.

    >>> points = np.eye(3, dtype=np.float32)[[0, 0, 1]]
    >>> nearest(points, 1)[0].ravel().tolist()[:2]
    [1, 0]
    """
    k = max(1, min(k, len(unit_ND) - 1))
    return _exact(unit_ND, k) if len(unit_ND) <= most_exact else _approximate(unit_ND, k)


def _exact(unit_ND: Features, k: int) -> tuple[npt.NDArray[np.int64], Features]:
    places = np.empty((len(unit_ND), k), np.int64)
    cosines = np.empty((len(unit_ND), k), np.float32)
    for start in range(0, len(unit_ND), _BLOCK):
        block = unit_ND[start : start + _BLOCK] @ unit_ND.T
        lines = np.arange(len(block))
        block[lines, start + lines] = -np.inf
        found = np.argpartition(-block, min(k, block.shape[1] - 1), axis=1)[:, :k]
        near = np.take_along_axis(block, found, 1)
        order = np.argsort(-near, axis=1, kind="stable")
        places[start : start + len(block)] = np.take_along_axis(found, order, 1)
        cosines[start : start + len(block)] = np.take_along_axis(near, order, 1)
    return places, cosines


def _approximate(unit_ND: Features, k: int) -> tuple[npt.NDArray[np.int64], Features]:
    """Hierarchical navigable small worlds (Malkov and Yashunin 2018)."""
    try:
        import hnswlib
    except ImportError:
        purpose = f"neighbours of more than {EXACT_ROWS:,} rows"
        raise MissingExtraError("hnswlib", extra="data", purpose=purpose) from None
    index = hnswlib.Index(space="ip", dim=unit_ND.shape[1])
    index.init_index(max_elements=len(unit_ND), ef_construction=100, M=16, random_seed=0)
    index.add_items(unit_ND, num_threads=1)
    index.set_ef(max(64, 2 * k))
    found, distance = index.knn_query(unit_ND, k=k + 1, num_threads=1)
    places, cosines = found.astype(np.int64), (1 - distance).astype(np.float32)
    # The row itself goes last, and then away.
    cosines[places == np.arange(len(places))[:, None]] = -np.inf
    order = np.argsort(-cosines, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(places, order, 1), np.take_along_axis(cosines, order, 1)
