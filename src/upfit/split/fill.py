"""Single rows of one stratum are dealt to the parts by counting, not one by one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Index = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def fill(singles: Index, codes: Index, need: Floats, part_of: Index, rng: np.random.Generator) -> None:
    """Deal units of one row, stratum by stratum, in the proportions that are still needed.

    Args:
        singles: (S,) units of one row.
        codes: (S,) their stratum.
        need: (P, K) rows of each stratum that each part still lacks.
        part_of: (U,) parts of units, filled in.
        rng: Decides who goes where.
    """
    if not len(singles):
        return
    shuffled = rng.permutation(len(singles))
    order = shuffled[np.argsort(codes[shuffled], kind="stable")]
    names, starts = np.unique(codes[order], return_index=True)
    # What rounding took from a part in one stratum is given back in the next.
    owed = np.zeros(len(need))
    for name, start, stop in zip(names.tolist(), starts, [*starts[1:], len(order)], strict=True):
        shares = dealt(stop - start, need[:, name], owed)
        part_of[singles[order[start:stop]]] = np.repeat(np.arange(len(need)), shares)


def dealt(count: int, need: Floats, owed: Floats) -> Index:
    """How many of `count` rows each part gets; `owed` carries the rounding on.

    >>> dealt(10, np.array([8.0, 1.0, 1.0]), np.zeros(3)).tolist()
    [8, 1, 1]
    """
    wanted = np.maximum(need, 0)
    wanted = wanted if wanted.sum() > 0 else np.ones(len(need))
    exact = wanted / wanted.sum() * count
    shares: Index = np.floor(exact + 1e-9).astype(np.int64)
    left = count - int(shares.sum())
    fraction = exact - shares
    eager = np.lexsort((-fraction, -np.round(owed + fraction, 9), fraction <= 1e-9))[:left]
    shares[eager] += 1
    owed += exact - shares
    return shares
