"""Examples as a plain model reads them: some hundred rows, at most a thousand columns, tokens counted."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from upfit.diagnose.preflight.survey import Survey

MOST, WIDEST = 600, 1024
"""Rows and, roughly, columns."""
MOST_TOKENS = 2048


def codes_in(*parts: Survey) -> int:
    """Columns for tokens to be counted in: one for each code, or for several where there are very many."""
    return min(MOST_TOKENS, 1 + max(int(one.inputs.max(initial=0)) for one in parts))


def some_rows(found: Survey, tokens: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any]] | None:
    """Inputs and labels of some examples; of tokens, how often each occurs in a row."""
    x, y = found.inputs, found.answers
    if x.ndim != 2 or y.ndim != 1 or len(x) != len(y) or not len(y) or not np.isfinite(x).all():
        return None
    x, y = drawn(x, y)
    if tokens:
        codes = x.astype(np.int64) % tokens
        # The lowest code is padding, as a rule.
        return np.stack([np.bincount(row, minlength=tokens)[1:] for row in codes]), y
    return narrowed(x), y


def narrowed(x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Every so many columns, so that a thousand or two are left."""
    return x[:, :: max(1, x.shape[1] // WIDEST)]


def drawn(x: npt.NDArray[Any], y: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """As many rows as a plain model is taught with, at random, the same each time."""
    chosen = np.random.default_rng(0).permutation(len(y))[:MOST]
    return x[chosen], y[chosen]
