"""What a split leaks: the same content on both sides of a boundary."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from upfit.data.content import content_keys
from upfit.data.texts import texts
from upfit.values import Data, Finding, Rows, Split

_SHOWN = 10


def findings_of_split(data: Data, split: Split) -> tuple[Finding, ...]:
    """One `data_leakage` finding per pair of parts that share exact duplicates.

    Splits that upfit makes have none; given ones are left as they are and reported here.
    """
    keys = content_keys(data)
    parts = {"train": split.train, "validation": split.validation, "test": split.test}
    pairs = (("train", "test"), ("train", "validation"), ("validation", "test"))
    found = (_shared(data, keys, parts, left, right) for left, right in pairs)
    return tuple(finding for finding in found if finding is not None)


def _shared(
    data: Data, keys: npt.NDArray[np.bytes_], parts: dict[str, Rows], left: str, right: str
) -> Finding | None:
    """What `right` shares with `left`."""
    both = np.isin(keys[parts[right]], keys[parts[left]])
    if not both.any():
        return None
    rows, total = parts[right][both], len(both)
    return Finding(
        kind="data_leakage",
        severity="warning",
        message=f"{len(rows)} of {total} {right} rows are also in {left}; its score is too kind",
        evidence={"rows": float(len(rows)), "share": float(both.mean())},
        examples=tuple(shown(data, int(row)) for row in rows[:_SHOWN]),
    )


def shown(data: Data, row: int) -> str:
    """A row in a few words: its image's path, or the beginning of its text."""
    images = data.schema.of_kind("image")
    if images:
        return str(data.table[row][images[0]]["path"] or f"row {row}")
    return f"row {row}: " + " | ".join(texts(data, np.array([row]))[0])[:100]
