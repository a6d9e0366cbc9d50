"""Make the split that suits the data."""

from __future__ import annotations

import numpy as np

from upfit.errors import DataError
from upfit.split.given import complete, given_parts
from upfit.split.grouped import grouped
from upfit.split.iterative import iterative
from upfit.split.ratio import parse_ratio
from upfit.split.repair import repaired
from upfit.split.splitter import Splitter
from upfit.split.stratified import stratified
from upfit.split.time_ordered import time_ordered
from upfit.values import Data, Split

SPLITTERS: tuple[Splitter, ...] = (stratified, iterative, grouped, time_ordered)


def make_split(data: Data, *, ratio: str = "8:1:1", seed: int = 0, repair: bool = False) -> Split:
    """Divide the data into train, validation and test.

    Parts that came with the data stay as they are; what is missing is cut from train. Otherwise rows are
    divided by the ratio: by time where the schema names a time column, by group where it names a group,
    iteratively stratified for several labels a row, and stratified by class or quantile for the rest.

    Args:
        data: The data.
        ratio: `train:validation:test`, or `train:test` (validation is then 10 % of train).
        seed: Decides who goes where.
        repair: Leave out of train what leaks from given parts that judge.

    Raises:
        DataError: A ratio that is none, rows that cannot be divided, or something that was not read yet.
    """
    if not isinstance(data, Data):
        got = type(data).__name__  # type: ignore[unreachable]  # for callers without a type checker
        hint = "upfit.make_split(upfit.read(data, target=...))"
        raise DataError("what is to be split has to be read first", expected="upfit.Data", got=got, hint=hint)
    made = _made(data, ratio, seed)
    return repaired(data, made) if repair else made


def _made(data: Data, ratio: str, seed: int) -> Split:
    weights = parse_ratio(ratio)
    cut = splitter_for(data)
    parts = given_parts(data)
    if parts:
        made = complete(data, parts, weights, cut=cut, seed=seed)
        if made.how == "given":
            return made
        return Split(made.train, made.validation, made.test, how=f"{made.how}, {_how(cut, ratio, seed)}")
    rows = np.arange(len(data), dtype=np.int64)
    train, validation, test = cut(data, rows, weights, seed=seed)
    return Split(train, validation, test, how=_how(cut, ratio, seed))


def splitter_for(data: Data) -> Splitter:
    """The splitter that keeps what the schema asks for."""
    if data.schema.time:
        return time_ordered
    if data.schema.group:
        return grouped
    return iterative if data.schema.task == "multilabel" else stratified


def _how(cut: Splitter, ratio: str, seed: int) -> str:
    return f"{cut.__name__.replace('_', '-')} {ratio}, seed {seed}"
