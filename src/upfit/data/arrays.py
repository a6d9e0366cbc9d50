"""Arrow columns become text or numbers: the one place that says what counts as missing."""

from __future__ import annotations

from typing import TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

MISSING = ("", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NULL", "null")
"""Cells that mean "nothing here" in number and category columns and in targets; in text only "" does."""

NUMBER = r"^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$"
GROUPED = r"^[+-]?\d{1,3}(,\d{3})+(\.\d*)?$"
"""1,234.50, with marks between thousands."""
INFINITE = r"^[+-]?(?i:inf|infinity)$"
WHOLE = r"^([+-]?\d+)\.0*$"

Column: TypeAlias = "pa.Array | pa.ChunkedArray"


def is_text(kind: pa.DataType) -> bool:
    """Whether cells of this Arrow type are strings."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or _is_view(kind))


def _is_view(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string_view(kind))


def is_number(kind: pa.DataType) -> bool:
    """Whether cells of this Arrow type are numbers (booleans are not)."""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def to_text(column: Column) -> Column:
    """Cells as strings, missing ones null; whole floats lose their `.0`, booleans are True and False."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return to_text(column.cast(kind.value_type))
    if pa.types.is_boolean(kind):
        return pc.if_else(column, pa.scalar("True"), pa.scalar("False"))
    if pa.types.is_floating(kind):
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, kind), column)
    if pa.types.is_null(kind) or is_text(kind) or is_number(kind) or pa.types.is_temporal(kind):
        return column.cast(pa.string())
    return _as_json(column)


def _as_json(column: Column) -> Column:
    """Cells of any other type, written out so that they can at least be shown."""
    return pa.array([None if cell is None else repr(cell) for cell in column.to_pylist()], pa.string())


def to_label(column: Column) -> Column:
    """Cells as trimmed strings, with every way of saying "missing" turned into null."""
    trimmed = pc.utf8_trim_whitespace(to_text(column))
    missing = pc.is_in(trimmed, value_set=pa.array(MISSING))
    return pc.if_else(missing, pa.scalar(None, pa.string()), trimmed)


def to_whole_label(column: Column) -> Column:
    """Labels of a numeric class column, `3.0` and `3` made one."""
    return pc.replace_substring_regex(to_label(column), WHOLE, r"\1")


def to_number(column: Column, *, grouped: bool = False) -> Column:
    """Cells as float64; what is missing or no number is null, infinities stay.

    Args:
        column: Numbers, or texts.
        grouped: Whether 1,234.50 is a number too: in a column of plain numbers its comma can mean one thing.
    """
    if pa.types.is_boolean(column.type) or is_number(column.type):
        numbers = column.cast(pa.float64())
        return pc.if_else(pc.is_nan(numbers), pa.scalar(None, pa.float64()), numbers)
    labels = to_label(column)
    marked = pc.match_substring_regex(labels, GROUPED) if grouped else None
    if marked is not None and pc.any(marked).as_py():
        labels = pc.if_else(marked, pc.replace_substring(labels, ",", ""), labels)
    return pc.if_else(looks_numeric(labels), labels, pa.scalar(None, pa.string())).cast(pa.float64())


def no_number(column: Column) -> Column:
    """Whether a cell is written and is no number, as a column of numbers is read; a missing one is not."""
    return pc.and_(pc.is_valid(to_label(column)), pc.is_null(to_number(column, grouped=True)))


def looks_numeric(labels: Column) -> Column:
    """Whether each label is written as a number, an infinity included; null stays null."""
    number = pc.match_substring_regex(labels, NUMBER)
    return pc.or_(number, pc.match_substring_regex(labels, INFINITE))
