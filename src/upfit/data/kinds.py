"""What an input column holds, judged by a sample of it."""

from __future__ import annotations

import re
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from upfit.data.arrays import is_number, is_text, looks_numeric, to_label
from upfit.data.cells import gather
from upfit.data.images import EXTENSIONS
from upfit.values import Kind

SAMPLE_ROWS = 10_000

Unfit = Literal["empty", "constant", "identifier", "unusable"]
"""Why a column is left out: no cells, one value only, a different name for every row, or a type unknown."""

_CATEGORY_WORDS = 6
_CATEGORY_CHARACTERS = 40
_ROWS_PER_CATEGORY = 3
_MOST_CATEGORIES = 50
_CATEGORY_SHARE = 0.05
_IDENTIFIER_NAME = re.compile(r"^(id|idx|index|uuid|guid|.*[_\W]id|unnamed.*|column_1|row|.*[a-z]Id)$")
_CODE = r"^[A-Za-z]{0,8}[-_./:]?[0-9A-Fa-f]*[0-9][-0-9A-Fa-f_./:]*$"
_DATE = r"^\d{4}[-/.]\d{1,2}[-/.]\d{1,2}([T ]\d{1,2}:\d{2}.*)?$"


def sample_of(column: pa.ChunkedArray, *, rows: int) -> pa.Array:
    """Up to 10,000 cells of the first `rows`, evenly spread, so that a sorted file is seen whole."""
    places = np.unique(np.linspace(0, rows - 1, min(rows, SAMPLE_ROWS)).astype(np.int64))
    return gather(column, places)


def kind_of(name: str, sample: pa.Array) -> Kind | Unfit:
    """Judge a column by its name and a sample of its cells."""
    if pa.types.is_struct(sample.type) and sample.type.get_field_index("bytes") >= 0:
        return "image"
    if pa.types.is_binary(sample.type) or pa.types.is_large_binary(sample.type):
        return "image"
    plain = is_text(sample.type) or is_number(sample.type) or pa.types.is_boolean(sample.type)
    if not (plain or pa.types.is_dictionary(sample.type) or pa.types.is_null(sample.type)):
        return "unusable"
    return _scalar_kind(name, pc.drop_null(to_label(sample)), sample.type)


def _scalar_kind(name: str, cells: pa.Array, given: pa.DataType) -> Kind | Unfit:
    if not len(cells):
        return "empty"
    distinct = pc.count_distinct(cells).as_py()
    if distinct == 1:
        return "constant"
    numeric = _share(looks_numeric(cells)) >= 0.95
    if _is_identifier(name, cells, distinct, numeric):
        return "identifier"
    if numeric:
        return "number"
    if _names_images(cells):
        return "image"
    if _share(pc.match_substring_regex(cells, _DATE)) >= 0.95:
        return "unusable"
    if pa.types.is_dictionary(given) or pa.types.is_boolean(given):
        return "category"
    return "category" if _is_category(cells, distinct) else "text"


def _share(flags: pa.Array) -> float:
    return float(pc.mean(flags).as_py() or 0.0)


def _names_images(cells: pa.Array) -> bool:
    """Whether most cells end like the name of an image file."""
    ending = "(?i)(" + "|".join(re.escape(one) for one in sorted(EXTENSIONS)) + ")$"
    return _share(pc.match_substring_regex(cells, ending)) >= 0.8


def _is_identifier(name: str, cells: pa.Array, distinct: int, numeric: bool) -> bool:
    """Whether every row has its own value and the values are counts, codes, or in a column named so."""
    if distinct < len(cells) * 0.99 or len(cells) < _ROWS_PER_CATEGORY:
        return False
    if _IDENTIFIER_NAME.match(name) or _IDENTIFIER_NAME.match(name.lower()):
        return numeric or _share(pc.match_substring(cells, " ")) < 0.1
    if numeric:
        return _counts_up(cells)
    return len(cells) >= 10 and _share(pc.match_substring_regex(cells, _CODE)) >= 0.95


def _counts_up(cells: pa.Array) -> bool:
    """Whether the cells are whole numbers at even steps, as row numbers (also sampled ones) are."""
    if _share(pc.match_substring_regex(cells, r"^\d{1,15}$")) < 1.0 or len(cells) < 10:
        return False
    steps = np.diff(cells.cast(pa.int64()).to_numpy())
    return bool(steps.min() > 0 and steps.max() <= steps.min() + 1)


def _is_category(cells: pa.Array, distinct: int) -> bool:
    """Whether few values, of few words, come back often."""
    words = pc.mean(pc.list_value_length(pc.utf8_split_whitespace(cells))).as_py()
    few = distinct <= _CATEGORY_SHARE * len(cells) or (
        distinct <= _MOST_CATEGORIES and distinct * _ROWS_PER_CATEGORY <= len(cells)
    )
    characters = pc.mean(pc.utf8_length(cells)).as_py()
    return bool(few and words <= _CATEGORY_WORDS and characters <= _CATEGORY_CHARACTERS)
