"""Whether a column of texts is what it was read as: a column of dates, or of numbers with units."""

from __future__ import annotations

from collections.abc import Sequence


def are_mostly(found: Sequence[object | None], cells: Sequence[str | None], *, least: float) -> bool:
    """Whether at least a share of the cells that hold anything were understood.

    Args:
        found: What was made of each cell; None for nothing.
        cells: Texts; None where missing.
        least: The share.

    >>> are_mostly([1, None, None], ["1", "two", " "], least=0.5)
    True
    """
    present = sum(1 for cell in cells if cell and cell.strip())
    return present > 0 and sum(one is not None for one in found) >= least * present
