"""Corrections applied to the rows that a run learns from; what judges it stays as it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import datasets
import numpy as np
import pyarrow as pa

from upfit.audit.clean import cleaned
from upfit.audit.finding import times
from upfit.audit.plan_check import check_action
from upfit.data.cells import cells
from upfit.errors import InputError
from upfit.values import PART, Data, Finding, Rows, Split
from upfit.values.corrections import Corrections


def corrected(data: Data, split: Split, corrections: Corrections) -> tuple[Data, Split, Finding]:
    """The data with training rows relabelled, and the split without training rows that were dropped.

    Rows of validation and test keep their labels, whatever was decided about them, so that runs before and
    after are judged alike; `upfit clean` applies everything. The fingerprint stays that of the user's data.

    Args:
        data: As they were read.
        split: How they are divided.
        corrections: Decisions about exactly these data.

    Returns:
        Data, split, and a Finding that says what was done.

    Raises:
        InputError: They belong to other data, name what is not there, or drop every training row.
    """
    corrections.require(data.fingerprint)
    for row, decision in sorted(corrections.final().items()):
        _check(data, corrections.replace(entries=(decision,)), row)
    judges = {*split.validation.tolist(), *split.test.tolist()}
    plan = corrections.plan(set(corrections.final()) - judges)
    columns = list(dict.fromkeys([*data.schema.target, PART]))
    narrow = replace(data, table=data.table.select_columns(columns))
    frame = cleaned(narrow, plan) if plan.actions else None
    dropped = {row for one in plan.actions if one.do == "drop" for row in one.rows}
    relabels = [one for one in plan.actions if one.do == "relabel"]
    # Where the target is several columns, each of them names the same rows.
    changed = list(relabels[0].rows) if relabels else []
    train = np.array([row for row in split.train.tolist() if row not in dropped], np.int64)
    if not len(train):
        raise InputError("these corrections drop every training row")
    for one in relabels:
        assert frame is not None
        labels = [frame[one.column].at[row] for row in changed]
        data = relabelled(data, one.column, np.array(changed), labels)
    # A resumed run brings a split that was cut before.
    cut = len(split.train) - len(train)
    how = f"{split.how}, {times(cut, 'row')} dropped by hand" if cut else split.how
    made = Split(train, split.validation, split.test, how)
    return data, made, _finding(corrections, changed, sorted(dropped))


def _check(data: Data, alone: Corrections, row: int) -> None:
    """Refuse a decision that does not fit the data, by its row: people do not see the actions of a plan."""
    try:
        for action in alone.plan().actions:
            check_action(data, action)
    except InputError as error:
        raise error.at(f"the correction of row {row:,}") from None


def relabelled(data: Data, column: str, rows: Rows, labels: Sequence[Any]) -> Data:
    """The data with other cells in one column; the fingerprint stays, and so does what is on disk."""
    values = cells(data, column)
    written = values.to_pylist()
    for row, label in zip(rows.tolist(), labels, strict=True):
        written[row] = label
    return with_column(data, column, pa.array(written, values.type))


def with_column(data: Data, name: str, values: pa.Array) -> Data:
    """The data with one column replaced, the others still memory-mapped."""
    table = data.table if data.table._indices is None else data.table.flatten_indices()
    plain = table.data.table
    place = plain.column_names.index(name)
    return replace(data, table=datasets.Dataset(plain.set_column(place, name, values)))


def _finding(corrections: Corrections, changed: list[int], dropped: list[int]) -> Finding:
    decided = {row for row, one in corrections.final().items() if one.do != "keep"}
    left = len(decided) - len(changed) - len(dropped)
    message = (
        f"corrections by hand: {times(len(changed), 'training row')} relabelled, {len(dropped):,} dropped"
    )
    if left:
        message += f"; {left:,} about validation or test rows were left out, so that runs are judged alike"
    evidence = {"relabelled": float(len(changed)), "dropped": float(len(dropped)), "left_out": float(left)}
    return Finding(kind="corrected_by_hand", severity="info", message=message, evidence=evidence)
