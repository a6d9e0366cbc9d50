"""Whether a target holds several labels a row, written as one text: "comedy;drama"."""

from __future__ import annotations

from collections import Counter, defaultdict

import pyarrow as pa
import pyarrow.compute as pc

from upfit.data.arrays import is_text, looks_numeric

SEPARATORS = ("|", ";", ",")
FEWEST = 20
_JOINED_SHARE = 0.05
_MOST_LABELS = 100


def joining_mark(column: pa.ChunkedArray) -> str | None:
    """What joins the labels of a cell; None where each cell is one class.

    Labels are few, come back, and are put together in more than one way. The parts of a class whose own
    name holds such a mark ("Sideboards, buffets") are only ever seen together.

    Args:
        column: The target's cells.

    >>> joining_mark(pa.chunked_array([["a;b", "a", "b;c", "c", "a;c"] * 10]))
    ';'
    >>> joining_mark(pa.chunked_array([["tables; desks", "chairs", "beds; sofas"] * 10])) is None
    True
    """
    if not is_text(column.type):
        return None
    counts = {one["values"]: one["counts"] for one in pc.value_counts(column).to_pylist() if one["values"]}
    rows = sum(counts.values())
    for mark in SEPARATORS:
        joined = sum(count for cell, count in counts.items() if mark in cell)
        if rows >= FEWEST and joined >= _JOINED_SHARE * rows:
            return mark if _composed(counts, mark) else None
    return None


def _composed(counts: dict[str, int], mark: str) -> bool:
    """Whether nearly all parts come from few labels that are combined with several others, or stand alone."""
    partners: defaultdict[str, set[frozenset[str]]] = defaultdict(set)
    seen: Counter[str] = Counter()
    for cell, count in counts.items():
        parts = frozenset(part.strip() for part in cell.split(mark)) - {""}
        for part in parts:
            partners[part].add(parts)
            seen[part] += count
    if len(seen) > _MOST_LABELS or not seen or bool(pc.any(looks_numeric(pa.array(list(seen)))).as_py()):
        return False
    inside = {part for cell in counts if mark in cell for part in cell.split(mark)}
    inside = {part.strip() for part in inside} - {""}
    known = sum(count for part, count in seen.items() if count >= 3)
    free = sum(len(partners[part]) > 1 for part in inside)
    return known >= 0.95 * sum(seen.values()) and free >= 0.8 * len(inside)
