"""Which classes there are: those that the training rows know. Rows of other parts must not bring new ones."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from upfit.data.arrays import NUMBER
from upfit.data.combine import Combined
from upfit.data.labels import Labels
from upfit.errors import DataError
from upfit.values import Finding, Task

_SHOWN = 20


def settle_classes(
    labels: Labels,
    combined: Combined,
    keep: npt.NDArray[np.bool_],
    *,
    asked: Task | None,
    findings: list[Finding],
) -> tuple[Task, tuple[str, ...]]:
    """The task and its classes, sorted; rows with a class that train does not know leave `keep`.

    Raises:
        DataError: No usable row, one class only, or a task that does not fit the classes.
    """
    train = keep & np.isin(combined.parts, ("", "train"))
    if not train.any():
        raise DataError("no training row is usable", hint="see what is wrong with the targets or files")
    if labels.task == "regression":
        _check_varies(labels, train)
        return "regression", ()
    if len(labels.columns) > 1:
        return "multilabel", combined.target
    cells = labels.columns[0].to_pylist()
    counts = Counter(name for row in np.flatnonzero(train) for name in _names(cells[row]))
    classes = sorted_classes(counts)
    _check_enough(classes, combined)
    findings.extend(_unseen(cells, set(classes), keep, combined))
    if labels.task == "multilabel":
        return "multilabel", classes
    findings.extend(_single(counts))
    return _task(classes, asked), classes


def sorted_classes(names: Iterable[str]) -> tuple[str, ...]:
    """Class names in order: as numbers where all of them are, else as text.

    >>> sorted_classes(["10", "9"]), sorted_classes(["b10", "b9"])
    (('9', '10'), ('b10', 'b9'))
    """
    found = list(names)
    if all(re.match(NUMBER, name) for name in found):
        return tuple(sorted(found, key=lambda name: (float(name), name)))
    return tuple(sorted(found))


def _names(cell: Any) -> Sequence[str]:
    return cell if isinstance(cell, list) else [cell]


def _check_varies(labels: Labels, train: npt.NDArray[np.bool_]) -> None:
    values = labels.columns[0].to_numpy(zero_copy_only=False)[train]
    if values.min() == values.max():
        raise DataError(f"the target is {values[0]:g} in every row", expected="at least two values")


def _check_enough(classes: tuple[str, ...], combined: Combined) -> None:
    if len(classes) > 1:
        return
    name = ", ".join(combined.target)
    got = f"only {classes[0]!r}" if classes else "none"
    raise DataError(f"the target {name!r} has one class only", expected="at least two classes", got=got)


def _task(classes: tuple[str, ...], asked: Task | None) -> Task:
    if asked == "binary" and len(classes) != 2:
        shown = ", ".join(classes[:8])
        raise DataError("binary has two classes", got=f"{len(classes)}: {shown}", hint="--task multiclass")
    return asked or ("binary" if len(classes) == 2 else "multiclass")


def _unseen(
    cells: list[Any], known: set[str], keep: npt.NDArray[np.bool_], combined: Combined
) -> list[Finding]:
    """Drop rows of validation and test whose class train does not have."""
    parts = combined.parts
    found = []
    for part in ("validation", "test"):
        rows = np.flatnonzero(keep & (parts == part))
        strange = [int(row) for row in rows if not known.issuperset(_names(cells[row]))]
        if strange:
            keep[strange] = False
            new = Counter(name for row in strange for name in _names(cells[row]) if name not in known)
            found.append(_unseen_finding(part, len(strange), new))
    return found


def _unseen_finding(part: str, rows: int, new: Counter[str]) -> Finding:
    shown = ", ".join(name[:60] for name, _ in new.most_common(_SHOWN))
    message = f"{rows} rows of {part} were left out: train has no example of their class ({shown})"
    return Finding(
        kind="unseen_class",
        severity="warning",
        message=message,
        evidence={"rows": float(rows), "classes": float(len(new))},
        examples=tuple(name for name, _ in new.most_common(_SHOWN)),
    )


def _single(counts: Counter[str]) -> list[Finding]:
    """Classes with one example can be learnt badly and measured not at all."""
    lonely = sorted(name for name, count in counts.items() if count == 1)
    if not lonely:
        return []
    shown = ", ".join(name[:60] for name in lonely[:_SHOWN])
    have = "class has" if len(lonely) == 1 else "classes have"
    message = f"{len(lonely)} {have} a single example: {shown}"
    evidence = {"classes": float(len(lonely))}
    return [
        Finding(
            kind="tiny_class",
            severity="warning",
            message=message,
            evidence=evidence,
            examples=tuple(lonely[:_SHOWN]),
        )
    ]
