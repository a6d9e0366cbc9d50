"""Units: rows that must stay together, because their content or their group is the same."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from upfit.data.cells import cells
from upfit.data.content import content_keys
from upfit.errors import DataError
from upfit.split.near import near_groups
from upfit.values import Data, Rows

Index = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Units:
    """Rows bound into units.

    Args:
        rows: (N,) rows of the data.
        of_row: (N,) unit of each row, 0 … U-1.
        sizes: (U,) rows in each unit.
    """

    rows: Rows
    of_row: Index
    sizes: Index

    def parts(self, part_of_unit: Index, count: int) -> tuple[Rows, ...]:
        """Sorted rows of each part, from the part of each unit."""
        parts = part_of_unit[self.of_row]
        return tuple(np.sort(self.rows[parts == part]) for part in range(count))

    def counts(self, strata: csr_array) -> csr_array:
        """(U, K) how many rows of each stratum a unit has, from (N, K) flags of rows."""
        ones = np.ones(len(self.rows))
        shape = (len(self.sizes), len(self.rows))
        gather = coo_array((ones, (self.of_row, np.arange(len(self.rows)))), shape=shape).tocsr()
        return csr_array(gather @ strata)


def bind(data: Data, rows: Rows, *, parts: int, group: str | None = None) -> Units:
    """Bind exact duplicates and nearly equal texts into units, and rows of one group where a column is given.

    Raises:
        DataError: There are fewer units than parts.
    """
    _, of_row = np.unique(content_keys(data)[rows], return_inverse=True)
    near = near_groups(data, rows)
    if near is not None:
        of_row = _joined(of_row, near)
    if group is not None:
        of_row = _joined(of_row, _groups(data, rows, group))
    sizes = np.bincount(of_row)
    if len(sizes) < parts:
        what = f"groups (by {group!r}, duplicates joined)" if group else "distinct inputs"
        raise DataError(
            f"{parts} parts need at least {parts} {what}",
            got=f"the {len(rows)} rows have {len(sizes)}",
            hint="give more data, or fewer parts (--split 8:2:0 does without a test part)",
        )
    return Units(rows=np.asarray(rows, np.int64), of_row=of_row.astype(np.int64), sizes=sizes)


def _groups(data: Data, rows: Rows, group: str) -> Index:
    """Codes of the group column; a row without a group is a group of its own."""
    codes = pc.fill_null(cells(data, group, rows).dictionary_encode().indices, -1)
    found: Index = np.asarray(codes.to_numpy(zero_copy_only=False), np.int64)
    alone = np.flatnonzero(found < 0)
    found[alone] = found.max() + 1 + np.arange(len(alone))
    return found


def _joined(left: Index, right: Index) -> Index:
    """Units of two bindings at once: rows linked by either, directly or through others."""
    offset = int(left.max()) + 1
    size = offset + int(right.max()) + 1
    links = coo_array((np.ones(len(left)), (left, right + offset)), shape=(size, size))
    _, component = connected_components(links, directed=False)
    _, of_row = np.unique(component[left], return_inverse=True)
    return np.asarray(of_row, np.int64)
