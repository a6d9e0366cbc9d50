"""A plan applied: the rows and cells that stay, as a table. What is learnt is learnt on train."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from upfit.audit.dates import dates
from upfit.audit.lookalikes import without
from upfit.audit.markup import without_markup
from upfit.audit.plan_check import check_plan, written
from upfit.audit.quantities import quantities
from upfit.data.source import HIDDEN
from upfit.errors import InputError
from upfit.values import PART, Action, Data, Plan

LOW, HIGH = 0.005, 0.995
"""Quantiles of the training rows that winsorising cuts at."""


def cleaned(data: Data, plan: Plan) -> pd.DataFrame:
    """The user's columns after the plan, with the given part in `__part__`; the index holds row numbers.

    Args:
        data: As it was read; it stays as it is.
        plan: For exactly these data.

    Returns:
        The rows that stay. Medians, modes, bounds and imputers come from training rows that stay.

    Raises:
        InputError: The plan is for other data, or names what is not there.
    """
    check_plan(data, plan)
    actions = plan.done
    names = [name for name in data.table.column_names if name not in HIDDEN or name == PART]
    frame = data.table.select_columns(names).to_pandas()
    dropped = {row for action in actions if action.do == "drop" for row in action.rows}
    stays = ~frame.index.isin(dropped)
    learnt_on = stays & frame[PART].isin(["", "train"]).to_numpy()
    if not learnt_on.any():
        raise InputError("the plan drops every training row")
    known = {one.name for one in data.schema.columns if one.name in frame}
    for action in actions:
        frame = _applied(data, frame, action, learnt_on)
    if known and known.isdisjoint(frame):
        raise InputError("the plan drops every column that a model could read")
    _require_classes(data, frame[learnt_on])
    return frame[stays]


def _require_classes(data: Data, learnt: pd.DataFrame) -> None:
    """Refuse a plan after which there is nothing left to tell apart."""
    if data.schema.task not in ("binary", "multiclass"):
        return
    left = learnt[data.schema.target[0]].unique()
    if len(left) < 2:
        got = f"only {left[0]!r}" if len(left) else "none"
        raise InputError("the plan leaves one class only", expected="at least two classes", got=got)


def _applied(data: Data, frame: pd.DataFrame, action: Action, learnt_on: np.ndarray) -> pd.DataFrame:
    if action.do == "drop":
        return frame.drop(columns=action.column) if action.column and not action.rows else frame
    if action.do == "relabel":
        labels = action.to if isinstance(action.to, list | tuple) else [action.to]
        return _with(frame, action.column, dict(zip(action.rows, labels, strict=True)))
    column = frame[action.column]
    if action.do == "merge":
        return frame.assign(**{action.column: column.where(~column.isin(action.values), action.to)})
    if action.do == "fill":
        return _filled(data, frame, action, learnt_on)
    if action.do == "convert":
        return frame.assign(**{action.column: _converted(column, action)})
    return frame.assign(**{action.column: _normalised(column, action, learnt_on)})


def _with(frame: pd.DataFrame, column: str, cells: dict[int, Any]) -> pd.DataFrame:
    changed = frame[column].copy()
    for row, value in cells.items():
        changed.at[row] = value
    return frame.assign(**{column: changed})


def _filled(data: Data, frame: pd.DataFrame, action: Action, learnt_on: np.ndarray) -> pd.DataFrame:
    column = frame[action.column]
    known = column[learnt_on].dropna()
    if action.to == "iterative":
        return _imputed(data, frame, action.column, learnt_on)
    if action.to in ("median", "mean") and not pd.api.types.is_numeric_dtype(column):
        raise InputError(f"{action.column!r} holds no numbers, so it has no {action.to}", hint="to: mode")
    if action.to == "mode":
        value = known.mode().iloc[0] if len(known) else None
    else:
        value = (
            {"median": known.median, "mean": known.mean}[action.to]()
            if action.to in ("median", "mean")
            else action.to
        )
    return frame.assign(**{action.column: column.fillna(value)})


def _imputed(data: Data, frame: pd.DataFrame, column: str, learnt_on: np.ndarray) -> pd.DataFrame:
    """A column guessed from the other numbers, each in turn (van Buuren and Groothuis-Oudshoorn 2011)."""
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401
    from sklearn.impute import IterativeImputer

    names = [name for name in data.schema.of_kind("number") if name in frame]
    if column not in names:
        raise InputError(
            f"{column!r} holds no numbers, so it cannot be filled in iteratively", hint="to: mode"
        )
    imputer = IterativeImputer(random_state=0, max_iter=10, keep_empty_features=True)
    values = frame[names].replace([np.inf, -np.inf], np.nan).to_numpy(float, copy=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ten rounds are near enough
        guessed = imputer.fit(values[learnt_on]).transform(values)[:, names.index(column)]
    return frame.assign(**{column: frame[column].where(frame[column].notna(), guessed)})


def _converted(column: pd.Series[Any], action: Action) -> pd.Series[Any]:
    """Some values to gaps, texts such as "1,200 EUR" to numbers in one unit, or dates to 2024-01-31."""
    if action.to == "missing":
        return column.where(~column.map(written).isin(action.values), None)
    if pd.api.types.is_numeric_dtype(column) and action.to == "number":
        return column
    texts = [None if pd.isna(cell) else str(cell) for cell in column]
    read = quantities(texts, least=0.5) if action.to == "number" else dates(texts, least=0.5)
    if read is None:
        example = next((cell for cell in texts if cell), "nothing")
        raise InputError(
            f"{action.column!r} holds no {action.to}s, or in units that do not go together",
            got=f"for instance {example[:60]!r}",
        )
    return pd.Series(read.values, index=column.index)


def _normalised(column: pd.Series[Any], action: Action, learnt_on: np.ndarray) -> pd.Series[Any]:
    if action.to == "winsorise":
        if not pd.api.types.is_numeric_dtype(column):
            raise InputError(f"{action.column!r} holds no numbers to winsorise")
        known = column[learnt_on].replace([np.inf, -np.inf], np.nan).dropna()
        return column.clip(known.quantile(LOW), known.quantile(HIGH))
    if action.to == "lowercase":
        return column.str.lower()
    if action.to == "markup":
        return column.map(lambda cell: without_markup(cell) if isinstance(cell, str) else cell)
    if action.to == "lookalikes":
        return column.map(lambda cell: without(cell) if isinstance(cell, str) else cell)
    if action.to == "whitespace":
        return column.str.split().str.join(" ")
    return column.map(lambda cell: _without(cell, action.values))


def _without(text: Any, phrases: Sequence[str]) -> Any:
    """A text without phrases at its ends."""
    if not isinstance(text, str):
        return text
    for phrase in phrases:
        text = re.sub(rf"^\s*{re.escape(phrase)}|{re.escape(phrase)}\s*$", "", text)
    return text
