"""Target cells become class names, lists of names, 0/1 columns or numbers; the task shows on the way."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from upfit.data.arrays import is_number, looks_numeric, to_label, to_number, to_text, to_whole_label
from upfit.data.joined import SEPARATORS, joining_mark
from upfit.errors import DataError
from upfit.values import Finding, Task

MOST_CLASSES = 20
CLASS_SHARE = 0.05
"""A numeric target is a class where it has at most 20 whole values, fewer than 5 % of the rows."""

_YES = {"1", "1.0", "true", "yes", "y", "t"}
_NO = {"0", "0.0", "false", "no", "n", "f"}


@dataclass(frozen=True)
class Asked:
    """What is known about the target before its cells are read."""

    names: tuple[str, ...]
    task: Task | None = None
    lists: bool = False
    classes: bool = False


@dataclass(frozen=True, eq=False)
class Labels:
    """Target cells of all rows.

    Args:
        task: Binary and multiclass are told apart later, once the rows that stay are known.
        columns: One Arrow array per target column: string, list of strings, int8 or float64.
        missing: (N,) rows whose target is not usable.
        findings: Why not, where it is not simply empty.
    """

    task: Task
    columns: tuple[pa.Array, ...]
    missing: npt.NDArray[np.bool_]
    findings: tuple[Finding, ...] = field(default=())


def read_labels(columns: list[pa.ChunkedArray], asked: Asked) -> Labels:
    """Convert the target columns, as the task demands or as their cells suggest.

    Raises:
        DataError: No usable cell, or cells that do not fit the task that was asked for.
    """
    if len(columns) > 1:
        return _several(columns, asked)
    column = columns[0]
    name = asked.names[0]
    if column.null_count == len(column):
        raise _all_missing(name)
    joined = None if asked.task or asked.classes else joining_mark(column)
    if joined or asked.lists or pa.types.is_list(column.type) or asked.task == "multilabel":
        return _lists(column, asked, mark=joined)
    # A folder called "nan" is a class all the same.
    labels = to_text(column) if asked.classes else to_label(column)
    if labels.null_count == len(labels) and not is_number(column.type):
        raise _all_missing(name)
    if asked.task == "regression" or (asked.task is None and not asked.classes and _is_measure(labels)):
        return _numbers(column, name)
    numeric = _all_numeric(labels) and not asked.classes
    return _classes(to_whole_label(column) if numeric else labels, asked.task)


def _all_missing(name: str) -> DataError:
    return DataError(f"the target {name!r} is missing in every row", hint="name another column with --target")


def _all_numeric(labels: pa.ChunkedArray) -> bool:
    return bool(pc.all(looks_numeric(labels)).as_py())


def _is_measure(labels: pa.ChunkedArray) -> bool:
    """Whether a column is a quantity rather than a class.

    Whole numbers are classes where they are few: two values; at most 20 and fewer than 5 % of the rows; or
    0..k or 1..k without a gap, each on three rows or more (small tables).
    """
    present = pc.drop_null(labels)
    numeric = pc.mean(looks_numeric(present)).as_py() or 0.0
    if numeric < 0.95:
        return False
    values = np.unique(pc.drop_null(to_number(present)).to_numpy())
    if not np.all(np.isfinite(values)) or np.any(values != np.rint(values)):
        return True
    if len(values) <= 2 or (len(values) <= MOST_CLASSES and len(values) < CLASS_SHARE * len(present)):
        return False
    gapless = values[0] in (0, 1) and values[-1] - values[0] == len(values) - 1
    return not (gapless and len(values) <= MOST_CLASSES and len(present) >= 3 * len(values))


def _classes(labels: pa.ChunkedArray, task: Task | None) -> Labels:
    distinct = pc.count_distinct(labels, mode="only_valid").as_py()
    present = len(labels) - labels.null_count
    if distinct == present and present > 2:
        example = pc.drop_null(labels)[0].as_py()
        raise DataError(
            f"the target has a different value in each of its {present} rows",
            expected="classes that come back, or numbers",
            got=f"for instance {example[:80]!r}",
            hint="name another column with --target",
        )
    return Labels(task or "multiclass", (_whole(labels),), _nulls(labels))


def _whole(column: Any) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _nulls(column: Any) -> npt.NDArray[np.bool_]:
    return np.asarray(pc.is_null(column).to_numpy(zero_copy_only=False), dtype=bool)


def _numbers(column: pa.ChunkedArray, name: str) -> Labels:
    """A regression target; what is no finite number is set apart."""
    given = ~_nulls(column if is_number(column.type) else to_label(column))
    numbers = to_number(column).to_numpy().astype(np.float64)
    usable = np.isfinite(numbers)
    if not usable.any():
        example = next((str(cell) for cell in pc.drop_null(column)[:1].to_pylist()), "nothing")
        message = f"the target {name!r} has no finite number"
        raise DataError(
            message, expected="numbers", got=f"for instance {example[:80]!r}", hint="--task multiclass"
        )
    wrong = np.flatnonzero(~usable & given)
    return Labels(
        "regression", (pa.array(numbers),), ~usable, _not_finite(column, wrong, name, int(usable.sum()))
    )


def _not_finite(
    column: pa.ChunkedArray, wrong: npt.NDArray[np.int64], name: str, kept: int
) -> tuple[Finding, ...]:
    if not len(wrong):
        return ()
    if len(wrong) > kept:
        shown = ", ".join(repr(column[int(row)].as_py()) for row in wrong[:3])
        raise DataError(
            f"the target {name!r} is no finite number in {len(wrong)} rows", expected="numbers", got=shown
        )
    examples = tuple(f"row {row}: {column[int(row)].as_py()}" for row in wrong[:10])
    message = f"{len(wrong)} rows were left out: their target {name!r} is NaN, infinite or no number"
    evidence = {"rows": float(len(wrong))}
    return (
        Finding(
            kind="invalid_target", severity="warning", message=message, evidence=evidence, examples=examples
        ),
    )


def _several(columns: list[pa.ChunkedArray], asked: Asked) -> Labels:
    """0/1 columns, one per class."""
    if asked.task not in (None, "multilabel"):
        raise DataError(f"{asked.task} has one target column", got=", ".join(asked.names))
    flags = [_flags(column, name) for column, name in zip(columns, asked.names, strict=True)]
    missing = np.logical_or.reduce([_nulls(column) for column in flags])
    if missing.all():
        raise _all_missing(", ".join(asked.names))
    return Labels("multilabel", tuple(flags), missing)


def _flags(column: pa.ChunkedArray, name: str) -> pa.Array:
    labels = pc.utf8_lower(to_label(column))
    yes, no = (
        pc.is_in(labels, value_set=pa.array(sorted(_YES))),
        pc.is_in(labels, value_set=pa.array(sorted(_NO))),
    )
    odd = pc.drop_null(labels.filter(pc.invert(pc.or_(yes, no))))
    if len(odd):
        raise DataError(f"the target column {name!r} is not 0 or 1", got=f"for instance {odd[0].as_py()!r}")
    return _whole(pc.if_else(pc.is_valid(labels), yes.cast(pa.int8()), pa.scalar(None, pa.int8())))


def _lists(column: pa.ChunkedArray, asked: Asked, *, mark: str | None = None) -> Labels:
    """Lists of class names, or strings that are cut at `|` (or `;` or `,` where there is no `|`)."""
    if asked.task not in (None, "multilabel"):
        raise DataError(
            f"the target {asked.names[0]!r} holds lists", expected="one value a row", hint="--task multilabel"
        )
    if pa.types.is_list(column.type) or asked.lists:
        cells, mark = [_listed(cell) for cell in column.to_pylist()], None
    else:
        cells = _cut(to_text(column).to_pylist(), mark)
    lists = pa.array(cells, pa.list_(pa.string()))
    return Labels("multilabel", (lists,), _nulls(lists), _joined(asked.names[0], mark))


def _joined(name: str, mark: str | None) -> tuple[Finding, ...]:
    if mark is None:
        return ()
    message = f"{name!r} holds several labels a row, joined by {mark!r}; --task multiclass keeps them whole"
    return (Finding(kind="joined_labels", severity="info", message=message),)


def _listed(cell: Any) -> list[str] | None:
    """A cell of a list column; JSONL keeps lists as JSON and single values as they are."""
    if isinstance(cell, str):
        try:
            cell = json.loads(cell) if cell.startswith("[") else [cell]
        except ValueError:
            cell = [cell]
    if cell is None:
        return None
    return sorted({str(one).strip() for one in cell if one is not None and str(one).strip()})


def _cut(cells: list[str | None], mark: str | None) -> list[list[str] | None]:
    """Cells cut at a mark; where none is known, at the first of them that any cell holds."""
    texts = [cell for cell in cells if cell]
    separator = mark or next((one for one in SEPARATORS if any(one in text for text in texts)), "|")
    return [None if cell is None else _listed(cell.split(separator)) for cell in cells]
