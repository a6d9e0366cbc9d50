"""Strata: what has to be spread evenly – classes, labels, or quantiles of a number."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from upfit.data.targets import targets
from upfit.values import Data, Rows

MOST_BINS = 20
ROWS_PER_BIN = 10


def strata(data: Data, rows: Rows) -> csr_array:
    """(N, K) flags: which strata each row belongs to.

    One class a row; for multilabel every label a row has (a row without labels has a stratum of its own);
    for regression a quantile bin of about 10 rows or more, at most 20 of them.
    """
    found = targets(data, rows)
    if data.schema.task == "multilabel":
        bare = found.sum(axis=1, keepdims=True) == 0
        return csr_array(np.hstack([found, bare]).astype(np.float64))
    codes = quantile_bins(found) if data.schema.task == "regression" else found
    ones = np.ones(len(codes))
    shape = (len(codes), int(codes.max()) + 1)
    return csr_array((ones, (np.arange(len(codes)), codes)), shape=shape)


def quantile_bins(values: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """(N,) bin of each value; equal values share a bin.

    >>> quantile_bins(np.arange(30, dtype=np.float32)).tolist() == [0] * 10 + [1] * 10 + [2] * 10
    True
    """
    bins = max(1, min(MOST_BINS, len(values) // ROWS_PER_BIN))
    ranks = np.searchsorted(np.sort(values), values, side="left")
    _, codes = np.unique(ranks * bins // len(values), return_inverse=True)
    return np.asarray(codes, np.int64)
