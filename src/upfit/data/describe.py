"""What the data were taken for, in words, with the flag that overrides each guess."""

from __future__ import annotations

import numpy as np
import pyarrow.compute as pc

from upfit.data.cells import cells
from upfit.data.header import HEADLESS
from upfit.data.part_column import FOUND
from upfit.data.targets import targets
from upfit.values import PART, Data, Rows
from upfit.values.shortened import shortened

_SHOWN_CLASSES = 8
_SHOWN_CHARACTERS = 30


def describe(data: Data) -> str:
    """Lines for the user to read once: rows, inputs, target, task with its classes, what was left out.

    Class counts are those of rows that are not in a given test part, whose labels are sealed.

    Example:
        >>> import pandas
        >>> from upfit.data.read import read
        >>> frame = pandas.DataFrame({"text": ["so good", "so bad"] * 8, "label": ["yes", "no"] * 8})
        >>> print(describe(read(frame)))
        data     16 rows from a DataFrame
        inputs   text (text)   [--kind COLUMN=KIND]
        target   label   [--target COLUMN]
        task     binary: no 8, yes 8   [--task TASK]
    """
    schema = data.schema
    lines = [
        ("data", _rows(data), ""),
        (
            "inputs",
            ", ".join(f"{shortened(column.name)} ({column.kind})" for column in schema.columns),
            "--kind COLUMN=KIND",
        ),
        ("target", ", ".join(map(shortened, schema.target)), "--target COLUMN"),
        ("task", f"{schema.task}: {_targets(data)}", "--task TASK"),
        ("ignored", ", ".join(map(shortened, schema.ignored)), "--kind COLUMN=KIND"),
        *(
            ("parts", f"by the column {shortened(name)}", f"--kind {shortened(name)}=ignore")
            for name in _part_columns(data)
        ),
        *(("header", finding.message, "") for finding in data.findings if finding.kind == HEADLESS),
        ("group", shortened(schema.group or ""), "--group COLUMN"),
        ("time", shortened(schema.time or ""), "--time COLUMN"),
    ]
    return "\n".join(_line(*line) for line in lines if line[1])


def _part_columns(data: Data) -> list[str]:
    """The column that says which part each row belongs to, if one does."""
    return [name for finding in data.findings if finding.kind == FOUND for name in finding.examples]


def _line(title: str, text: str, flag: str) -> str:
    return f"{title:<9}{text}" + (f"   [{flag}]" if flag else "")


def _rows(data: Data) -> str:
    counts = pc.value_counts(cells(data, PART)).to_pylist()
    parts = ", ".join(f"{one['values']} {one['counts']:,}" for one in counts if one["values"])
    return f"{len(data):,} rows from {data.source}" + (f" ({parts})" if parts else "")


def _open_rows(data: Data) -> Rows:
    """Rows whose labels may be looked at."""
    return np.flatnonzero(pc.not_equal(cells(data, PART), "test").to_numpy(zero_copy_only=False))


def _targets(data: Data) -> str:
    found = targets(data, _open_rows(data))
    if data.schema.task == "regression":
        return f"{found.min():.4g} to {found.max():.4g}, mean {found.mean():.4g}"
    many = found.sum(axis=0) if found.ndim == 2 else np.bincount(found, minlength=len(data.schema.classes))
    common = sorted(zip(data.schema.classes, many.astype(int).tolist(), strict=True), key=lambda one: -one[1])
    pairs = (
        common[:_SHOWN_CLASSES]
        if len(common) > _SHOWN_CLASSES
        else list(zip(data.schema.classes, many, strict=True))
    )
    shown = ", ".join(f"{shortened(name, _SHOWN_CHARACTERS)} {int(count):,}" for name, count in pairs)
    return shown if len(common) <= _SHOWN_CLASSES else f"{len(common)} classes: {shown}, …"
