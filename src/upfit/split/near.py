"""Near duplicates among texts and images stay on one side of a split, as exact ones do."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from upfit.audit.near_duplicates import groups_of, pairs_of
from upfit.audit.subject import Subject
from upfit.store.feature_cache import FeatureCache, content_key
from upfit.values import Data, Rows

MOST_ROWS = 200_000
"""Beyond, looking for them would take longer than a split should."""
LARGEST_SHARE = 0.02
"""A larger group is a template that many rows follow; bound together, it would bend the split."""

Index = npt.NDArray[np.int64]


def known_pairs(data: Data) -> Index:
    """(P, 2) rows that are nearly the same, looked for once for the same content.

    A hundred thousand texts take some ten seconds, and a row is bound by every run that splits them.
    """
    subject = Subject(data)
    names = ",".join(data.schema.of_kind("text", "image", "number", "category"))
    key = content_key("near pairs 1", names, np.ascontiguousarray(subject.keys).tobytes())
    kept: Any = FeatureCache().get(key, lambda: pairs_of(subject))[0]  # type: ignore[arg-type, return-value]
    return np.asarray(kept, np.int64).reshape(-1, 2)


def near_groups(data: Data, rows: Rows) -> Index | None:
    """(N,) codes, equal for rows that are nearly the same; None where that is not looked for or not found.

    Images are told by brightness and perceptual hash: features come later, and cost far more.
    """
    if not data.schema.of_kind("text", "image") or len(rows) > MOST_ROWS:
        return None
    pairs = known_pairs(data)
    if not len(pairs):
        return None
    group = groups_of(pairs, len(data))[rows]
    _, codes, counts = np.unique(group, return_inverse=True, return_counts=True)
    too_large = counts[codes] > max(10, LARGEST_SHARE * len(rows))
    # Rows of too large a group become groups of one.
    codes[too_large] = counts.size + np.arange(int(too_large.sum()))
    return np.asarray(np.unique(codes, return_inverse=True)[1], np.int64)
