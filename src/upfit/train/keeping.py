"""Whether a run keeps its decoded images on disk, and how."""

from __future__ import annotations

from typing import Literal

import numpy as np

from upfit.data.decoding import Decoder
from upfit.store.image_cache import LIMIT
from upfit.techniques.image_policies import source_side
from upfit.values import Augment, Data, Rows

DEAR = 1024
"""Pixels of a file from which images are kept: decoding 32 × 32 costs 30 times reading them, yet little.

Measured in `bench/results/loading.md`.
"""
SAMPLE = 16
"""Images that are decoded to know how large they are."""


def choose_keeping(
    data: Data, rows: Rows, *, size: int, augment: Augment, limit: int = LIMIT
) -> Literal["exact", "compact", "off"]:
    """How the images of some rows are best kept; the clock has no say, so that equal seeds give equal runs.

    Args:
        data: With images.
        rows: Those that training reads.
        size: Side of the square that they become, in pixels.
        augment: The recipe's: crops need larger images.
        limit: Bytes that may be kept.

    Returns:
        `exact` where everything fits as it is decoded, `compact` where it fits only when made smaller, `off`
        where neither does, or where decoding costs next to nothing.
    """
    chosen = rows[np.linspace(0, len(rows) - 1, min(SAMPLE, len(rows))).astype(np.int64)]
    sizes = data.table.select_columns(["__width__", "__height__"])[chosen.tolist()]
    if np.mean(np.asarray(sizes["__width__"]) * np.asarray(sizes["__height__"])) < DEAR:
        return "off"
    # Files differ: a tenth in reserve.
    room = limit / 1.1 / len(rows)
    if _bytes_each(Decoder.of(data, size=size), chosen) <= room:
        return "exact"
    shrink = source_side(augment, size=size)
    return "compact" if _bytes_each(Decoder.of(data, size=size, shrink=shrink), chosen) <= room else "off"


def _bytes_each(decoder: Decoder, rows: Rows) -> float:
    """Mean bytes of a decoded image."""
    images = [decoder.decode(int(row)) for row in rows]
    return float(np.mean([image.width * image.height * 3 for image in images]))
