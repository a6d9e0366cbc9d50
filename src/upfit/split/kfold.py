"""k-fold: every row validates once; used to choose settings, not to judge."""

from __future__ import annotations

import numpy as np

from upfit.errors import DataError
from upfit.split.cover import fill_empty
from upfit.split.grouped import deal_groups
from upfit.split.iterative import deal_labels
from upfit.split.strata import strata
from upfit.split.stratified import Dealer, deal
from upfit.split.units import bind
from upfit.values import Data, Rows


def k_folds(data: Data, rows: Rows, *, k: int, seed: int) -> tuple[tuple[Rows, Rows], ...]:
    """k pairs of (train, validation) rows; stratified, with duplicates and groups on one side.

    Args:
        data: The data.
        rows: (N,) the rows to fold, usually those of train.
        k: Number of folds, 2 or more.
        seed: Decides who goes where.

    Returns:
        k pairs of sorted rows; the validation rows of all pairs are `rows`, each once.

    Raises:
        DataError: k is below 2, or there are fewer distinct rows (or groups) than folds.
    """
    if k < 2:
        raise DataError(f"{k} folds", expected="2 or more")
    units = bind(data, rows, parts=k, group=data.schema.group)
    counts = units.counts(strata(data, rows))
    weights = (1 / k,) * k
    fold_of = _dealer(data)(counts, units.sizes, weights, np.random.default_rng(seed))
    fill_empty(fold_of, units.sizes, weights)
    folds = units.parts(fold_of, k)
    every = np.sort(units.rows)
    return tuple((np.setdiff1d(every, fold, assume_unique=True), fold) for fold in folds)


def _dealer(data: Data) -> Dealer:
    if data.schema.group:
        return deal_groups
    return deal_labels if data.schema.task == "multilabel" else deal
