"""Given parts are respected; what is missing is cut from train."""

from __future__ import annotations

import numpy as np
import pyarrow.compute as pc

from upfit.data.cells import cells
from upfit.split.ratio import Weights
from upfit.split.splitter import Splitter
from upfit.values import PART, Data, Rows, Split


def given_parts(data: Data) -> dict[str, Rows]:
    """Rows of each part that came with the data; empty where none did."""
    column = cells(data, PART)
    names = [name for name in pc.unique(column).to_pylist() if name]
    return {name: np.flatnonzero(pc.equal(column, name).to_numpy(zero_copy_only=False)) for name in names}


def complete(data: Data, parts: dict[str, Rows], weights: Weights, *, cut: Splitter, seed: int) -> Split:
    """The given parts, with validation cut from train where it was not given.

    Test is cut too where train came alone. Where train and validation were given, test stays empty: rows
    are not taken from a user who divided them.
    """
    train, validation, _ = weights
    none = np.empty(0, np.int64)
    if "validation" in parts:
        return Split(
            np.sort(parts["train"]), np.sort(parts["validation"]), np.sort(parts.get("test", none)), "given"
        )
    if "test" in parts:
        total = train + validation
        kept, chosen = cut(data, parts["train"], (train / total, validation / total), seed=seed)
        return Split(kept, chosen, np.sort(parts["test"]), how="test given, validation cut from train")
    kept, chosen, judged = cut(data, parts["train"], weights, seed=seed)
    return Split(kept, chosen, judged, how="cut from train")
