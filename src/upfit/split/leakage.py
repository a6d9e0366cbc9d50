"""What a split leaks: the same content on both sides of a boundary."""

from __future__ import annotations

import numpy as np

from upfit.data.content import content_keys
from upfit.data.texts import texts
from upfit.values import Data, Finding, Rows, Split

_SHOWN = 10


def findings_of_split(data: Data, split: Split) -> tuple[Finding, ...]:
    """One `data_leakage` finding per pair of parts that share exact duplicates.

    Splits that upfit makes have none; given ones are left as they are and reported here.
    """
    keys = content_keys(data)
    pairs = (
        ("train", split.train, "test", split.test),
        ("train", split.train, "validation", split.validation),
        ("validation", split.validation, "test", split.test),
    )
    found = (_shared(data, keys, *pair) for pair in pairs)
    return tuple(finding for finding in found if finding is not None)


def _shared(
    data: Data, keys: np.ndarray, left: str, left_rows: Rows, right: str, right_rows: Rows
) -> Finding | None:
    both = np.isin(keys[right_rows], keys[left_rows])
    if not both.any():
        return None
    rows = right_rows[both]
    share = float(both.mean())
    return Finding(
        kind="data_leakage",
        severity="warning",
        message=f"{len(rows)} of {len(right_rows)} {right} rows are also in {left}; its score is too kind",
        evidence={"rows": float(len(rows)), "share": share},
        examples=tuple(shown(data, int(row)) for row in rows[:_SHOWN]),
    )


def shown(data: Data, row: int) -> str:
    """A row in a few words: its image's path, or the beginning of its text."""
    images = data.schema.of_kind("image")
    if images:
        return str(data.table[row][images[0]]["path"] or f"row {row}")
    return f"row {row}: " + " | ".join(texts(data, np.array([row]))[0])[:100]
