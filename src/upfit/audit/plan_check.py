"""Is a plan one for these data? Everything it names has to be there before any of it is done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from upfit.data.cells import cells
from upfit.data.source import HIDDEN
from upfit.errors import InputError, nearest
from upfit.values import Action, Data, Plan

FILLERS = ("median", "mean", "mode", "iterative")
NORMALISERS = ("winsorise", "whitespace", "lowercase", "boilerplate", "markup", "lookalikes")


def check_plan(data: Data, plan: Plan) -> None:
    """Refuse a plan for other data, or one that names rows, columns or values that are not there.

    Raises:
        InputError: With the number of the action, counted from 1, and what is wrong with it.
    """
    if plan.fingerprint != data.fingerprint:
        raise InputError(
            "this plan was made for other data",
            expected=f"fingerprint {data.fingerprint[:16]}…",
            got=f"{plan.fingerprint[:16]}…",
            hint="run upfit audit again on the data as they are now",
        )
    for number, action in enumerate(plan.actions, start=1):
        try:
            check_action(data, action)
        except InputError as error:
            raise error.at(f"action {number} of the plan ({action.do})") from None
    _one_label_a_row(plan)


def written(cell: Any) -> str:
    """A cell as plans write it: the number 999 is 999 in a column of whole numbers and of others.

    >>> written(999.0), written(999), written("n/a")
    ('999', '999', 'n/a')
    """
    return f"{cell:g}" if isinstance(cell, float) else str(cell)


def _one_label_a_row(plan: Plan) -> None:
    """Refuse a plan that gives a row two labels: which of them was meant, nobody can tell."""
    given: dict[tuple[str, int], Any] = {}
    for number, action in enumerate(plan.actions, start=1):
        if action.do != "relabel" or action not in plan.done:
            continue
        for row, label in zip(action.rows, _labels(action), strict=True):
            first = given.setdefault((action.column, row), label)
            if first != label:
                got = f"{first!r} and {label!r}"
                hint = "delete one of them"
                raise InputError(f"row {row} gets two labels", expected="one a row", got=got, hint=hint).at(
                    f"action {number} of the plan (relabel)"
                )


def check_action(data: Data, action: Action) -> None:
    """Refuse an action that names rows, columns or values that are not there, or lacks what it needs.

    Raises:
        InputError: What is wrong with it.
    """
    _rows(data, action)
    _column(data, action)
    _fits(data, action)


def _rows(data: Data, action: Action) -> None:
    missing = [row for row in action.rows if not 0 <= row < len(data)]
    if missing:
        shown = ", ".join(map(str, missing[:5]))
        raise InputError(f"there is no row {shown}", expected=f"0 to {len(data) - 1}")


def _column(data: Data, action: Action) -> None:
    known = [name for name in data.table.column_names if name not in HIDDEN]
    if action.column and action.column not in known:
        guess = nearest(action.column, known)
        hint = f"did you mean {guess!r}?" if guess else ""
        raise InputError(f"there is no column {action.column!r}", expected=", ".join(known), hint=hint)
    if not action.column and action.do not in ("drop", "collect"):
        raise InputError("it names no column", expected="column: NAME")
    if action.do == "drop" and action.column in data.schema.target:
        raise InputError("the target cannot be dropped")
    if action.do == "drop" and bool(action.column) == bool(action.rows):
        named = "both rows and" if action.rows else "neither rows nor"
        raise InputError(f"it names {named} a column", expected="rows: [1, 2], or column: NAME")


def _fits(data: Data, action: Action) -> None:
    """The settings that each kind of action needs."""
    if action.do == "relabel":
        _relabels(data, action)
    elif action.do == "merge":
        _merges(data, action)
    elif action.do == "normalise" and action.to not in NORMALISERS:
        raise InputError(f"to: {action.to!r}", expected=", ".join(NORMALISERS))
    elif action.do == "convert" and action.to not in ("number", "date", "missing"):
        raise InputError(f"to: {action.to!r}", expected="number, date, or missing with values")
    elif action.do == "convert" and action.to == "missing":
        _occur(data, action)
    elif action.do == "fill" and action.to is None:
        raise InputError("to: is missing", expected=", ".join((*FILLERS, "or a token")))


def _relabels(data: Data, action: Action) -> None:
    if action.column not in data.schema.target:
        target = ", ".join(data.schema.target)
        raise InputError(f"{action.column!r} is not the target", expected=target)
    labels = _labels(action)
    if len(labels) != len(action.rows):
        got = f"{len(labels)} labels for {len(action.rows)} rows"
        raise InputError("each row needs one label", expected="lists of one length", got=got)
    strange = _strange(data, labels)
    if strange and data.schema.task != "regression":
        guess = nearest(str(strange[0]), data.schema.classes)
        hint = f"did you mean {guess!r}?" if guess else ""
        raise InputError(f"there is no class {strange[0]!r}", hint=hint)


def _strange(data: Data, labels: Sequence[Any]) -> list[Any]:
    """Labels that the target cannot have: names of no class, or in 0/1 columns anything else."""
    schema = data.schema
    if len(schema.target) > 1:
        return [one for one in labels if one not in (0, 1)]
    if schema.task == "multilabel":
        lists = [one if isinstance(one, list | tuple) else [one] for one in labels]
        return [name for names in lists for name in names if name not in schema.classes]
    return [one for one in labels if schema.classes and str(one) not in schema.classes]


def _labels(action: Action) -> Sequence[Any]:
    """The new labels of a relabelling, one a row."""
    return action.to if isinstance(action.to, list | tuple) else [action.to]


def _merges(data: Data, action: Action) -> None:
    if action.to is None:
        raise InputError("it needs values: and to:")
    _occur(data, action)


def _occur(data: Data, action: Action) -> None:
    """Refuse values that the column never has: somebody meant another one."""
    if not action.values:
        raise InputError(f"it needs values: and to: {action.to}")
    known = {written(one) for one in cells(data, action.column).to_pylist()}
    missing = [value for value in action.values if value not in known]
    if missing:
        guess = nearest(missing[0], known)
        hint = f"did you mean {guess!r}?" if guess else ""
        raise InputError(f"{action.column!r} never is {missing[0]!r}", hint=hint)
