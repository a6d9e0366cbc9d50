"""A row as the page shows it: plain values, never markup."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from upfit.data.cells import cells
from upfit.review.desk import Desk

LONGEST = 6000
"""Characters of a text that the page gets."""


def items(desk: Desk, rows: Sequence[int]) -> list[dict[str, Any]]:
    """Rows with their inputs, labels, reasons and decisions, in the order asked for.

    Rows that there are not are left out.
    """
    known = np.array([row for row in rows if 0 <= row < len(desk.data)], np.int64)
    if not len(known):
        return []
    schema = desk.data.schema
    columns = {one.name: cells(desk.data, one.name, known).to_pylist() for one in schema.columns}
    pictures = schema.of_kind("image")
    return [
        {
            "row": row,
            "name": _name([columns[name][place] for name in pictures], row),
            "part": str(desk.subject.part_of[row]) if desk.subject.divided else "",
            "label": desk.label(row),
            "images": [at for at, name in enumerate(pictures) if columns[name][place]],
            "fields": [
                _field(one.name, one.kind, columns[one.name][place])
                for one in schema.columns
                if one.kind != "image"
            ],
            "reasons": _reasons(desk, row),
            "decision": decision(desk, row),
        }
        for place, row in enumerate(known.tolist())
    ]


def decision(desk: Desk, row: int) -> dict[str, Any] | None:
    """What stands of a row, or None."""
    made = desk.ledger.standing.of(row)
    return None if made is None else {"do": made.do, "to": made.to, "by": made.by, "time": made.time}


def _reasons(desk: Desk, row: int) -> list[dict[str, Any]]:
    suspect = desk.suspects.get(row)
    return [
        {"kind": one.kind, "note": one.note, "to": one.to, "like": list(one.like)}
        for one in (suspect.reasons if suspect else ())
    ]


def _field(name: str, kind: str, value: Any) -> dict[str, Any]:
    if value is None:
        return {"name": name, "kind": kind, "value": None}
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return {"name": name, "kind": kind, "value": text if len(text) <= LONGEST else text[:LONGEST] + "…"}


def _name(pictures: Sequence[dict[str, Any] | None], row: int) -> str:
    """The end of the first image's path, else the row."""
    for cell in pictures:
        if cell and cell.get("path"):
            return "/".join(str(cell["path"]).replace("\\", "/").split("/")[-2:])
    return f"row {row}"
