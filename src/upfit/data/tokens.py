"""Token ids of rows whose texts come in several segments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from upfit.errors import DataError
from upfit.values import Schema

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Tokens = npt.NDArray[np.int32]
"""(2, T): token ids, and the segment of each, counted from 1."""


def segment_count(schema: Schema) -> int:
    """How many segments a row has: one a text column, and one for all categories and numbers.

    Each is pooled apart, so that one word in a column of its own is not lost among forty others.
    """
    return len(schema.of_kind("text")) + bool(schema.of_kind("category", "number"))


def tokenise(
    rows: Sequence[tuple[str, ...]],
    tokenizer: PreTrainedTokenizerBase,
    *,
    max_length: int,
    segments: int,
) -> list[Tokens]:
    """Tokens of each row, its segments behind one another with a separator after each.

    Args:
        rows: The segments of each row.
        tokenizer: The backbone's.
        max_length: Tokens at most; the longest segments are cut first.
        segments: 1 joins all segments into one; otherwise as many as every row has.
    """
    if segments == 1:
        return _joined(rows, tokenizer, max_length)
    columns = [
        tokenizer(list(column), add_special_tokens=False, verbose=False)["input_ids"]
        for column in zip(*rows, strict=True)
    ]
    return [_row(parts, tokenizer, max_length) for parts in zip(*columns, strict=True)]


def _joined(
    rows: Sequence[tuple[str, ...]], tokenizer: PreTrainedTokenizerBase, max_length: int
) -> list[Tokens]:
    separator = f" {tokenizer.sep_token or tokenizer.eos_token or ''} "
    joined = [separator.join(filter(None, row)) for row in rows]
    encoded = tokenizer(joined, truncation=True, max_length=max_length)["input_ids"]
    if not all(encoded):
        raise DataError("the tokenizer made nothing of an empty text", hint="remove rows without text")
    return [np.stack([ids, np.ones(len(ids))]).astype(np.int32) for ids in encoded]


def _row(parts: Sequence[list[int]], tokenizer: PreTrainedTokenizerBase, max_length: int) -> Tokens:
    start = [] if tokenizer.cls_token_id is None else [tokenizer.cls_token_id]
    stop = tokenizer.sep_token_id if tokenizer.sep_token_id is not None else tokenizer.eos_token_id
    end = [] if stop is None else [stop]
    level = _level([len(part) for part in parts], max_length - len(start) - len(end) * len(parts))
    ids, segments = list(start), [1] * len(start)
    for number, part in enumerate(parts, start=1):
        kept = [*part[:level], *end]
        ids += kept
        segments += [number] * len(kept)
    return np.array([ids, segments], dtype=np.int32)


def _level(lengths: Sequence[int], room: int) -> int:
    """The length to cut segments to so that all fit: only those that are longer lose anything."""
    level = max(lengths, default=0)
    if sum(lengths) <= room:
        return level
    level = min(level, room)
    while level > 1 and sum(min(length, level) for length in lengths) > room:
        level -= 1
    return level
