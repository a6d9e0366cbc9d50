"""Columns that cannot help: empty, constant, identifiers; and why reading left others out."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from upfit.audit.finding import some
from upfit.audit.subject import Subject
from upfit.data.cells import cells
from upfit.data.kinds import kind_of, sample_of
from upfit.values import Action, Finding

_WORDS = {"empty": "empty", "constant": "the same in every row", "identifier": "an identifier of the row"}


def columns(subject: Subject) -> tuple[Finding, ...]:
    """Columns left out on reading, inputs that hardly vary, that only name the row, or that say the same."""
    return (*_ignored(subject), *_nearly_constant(subject), *_identifiers(subject), *_twins(subject))


def _ignored(subject: Subject) -> list[Finding]:
    found: dict[str, list[str]] = {}
    for name in subject.data.schema.ignored:
        if name not in subject.data.table.column_names:
            continue
        column = subject.data.table.data.column(name)
        why = kind_of(name, sample_of(column, rows=len(subject.data)))
        found.setdefault(why if why in _WORDS else "unusable", []).append(name)
    return [_left_out(why, names) for why, names in found.items()]


def _left_out(why: str, names: list[str]) -> Finding:
    reason = _WORDS.get(why, "dates, or of a type that is not used")
    verb = "column is" if len(names) == 1 else "columns are"
    message = (
        f"{len(names)} {verb} not used as input ({reason}): {some(names, 8)}; --kind COLUMN=KIND overrides"
    )
    kind = {"constant": "constant_column", "empty": "constant_column", "identifier": "identifier"}
    actions = tuple(Action(do="drop", column=name, because=reason) for name in names if why in _WORDS)
    return Finding(
        kind=kind.get(why, "ignored_column"),
        severity="info",
        message=message,
        evidence={"columns": float(len(names))},
        examples=tuple(names),
        actions=actions,
    )


def _nearly_constant(subject: Subject) -> list[Finding]:
    """Inputs with one value in all but a few rows, too few to learn from."""
    found = []
    for name in subject.data.schema.of_kind("category", "number"):
        column = pc.drop_null(cells(subject.data, name))
        if not len(column):
            continue
        top = max(pc.value_counts(column).to_pylist(), key=lambda one: one["counts"])
        rest = len(column) - top["counts"]
        if rest < max(5, 0.002 * len(column)) and len(column) >= 100:
            message = f"{name!r} is {top['values']!r} in all but {rest} rows; it can hardly help"
            action = Action(do="drop", column=name, because="it hardly varies")
            found.append(
                Finding(
                    kind="constant_column",
                    severity="info",
                    message=message,
                    evidence={"other_rows": float(rest)},
                    actions=(action,),
                )
            )
    return found


def _identifiers(subject: Subject) -> list[Finding]:
    """Inputs whose values are (nearly) all different and hold no words: they can only be learnt by heart."""
    found = []
    for name in subject.data.schema.of_kind("category", "number", "text"):
        column = pc.drop_null(cells(subject.data, name))
        if len(column) < 50 or not _names_rows(name, column):
            continue
        message = f"{name!r} has a value of its own in every row; a model can only learn it by heart"
        action = Action(do="drop", column=name, because="it names the row")
        found.append(
            Finding(
                kind="identifier",
                severity="warning",
                message=message,
                examples=tuple(str(one) for one in column[:5].to_pylist()),
                cures=(),
                actions=(action,),
            )
        )
    return found


def _twins(subject: Subject) -> list[Finding]:
    """Inputs of which each value always goes with one value of an earlier one."""
    earlier: dict[bytes, str] = {}
    found = []
    for name in subject.data.schema.of_kind("category", "number"):
        column = cells(subject.data, name).dictionary_encode()
        # Values that hardly come back go together by chance, and two that do can be anything.
        if 3 <= len(column.dictionary) <= len(column) / 10:
            # Values are numbered as they come, gaps too, so that columns which say the same are equal.
            codes = np.asarray(pc.fill_null(column.indices, -1).to_numpy(), np.int64)
            _, coming, places = np.unique(codes, return_index=True, return_inverse=True)
            first = earlier.setdefault(np.argsort(np.argsort(coming))[places].tobytes(), name)
            if first == name:
                continue
            message = f"{first!r} and {name!r} say the same in other words; one of them is enough"
            action = Action(do="drop", column=name, because=f"it says what {first!r} says", doubtful=True)
            found.append(
                Finding(kind="redundant_column", severity="info", message=message, actions=(action,))
            )
    return found


def _names_rows(name: str, column: pa.Array) -> bool:
    if pa.types.is_floating(column.type):
        values = column.to_numpy(zero_copy_only=False)
        finite = values[np.isfinite(values)]
        whole = bool(len(finite)) and bool((finite == np.rint(finite)).all())
        # Whole numbers that fill a range without repeats count rows; measurements repeat or have decimals.
        spread = float(finite.max() - finite.min()) if len(finite) else 0.0
        return whole and len(np.unique(finite)) == len(finite) and spread < 1.5 * len(finite)
    sample = column[: min(len(column), 10_000)].cast(pa.string())
    return kind_of(name, sample) == "identifier"
