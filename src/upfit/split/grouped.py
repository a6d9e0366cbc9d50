"""Grouped: rows that share a group (a patient, a user, a document) stay on one side."""

from __future__ import annotations

import numpy as np

from upfit.split.cover import fill_empty
from upfit.split.iterative import deal_labels
from upfit.split.ratio import Weights
from upfit.split.strata import strata
from upfit.split.stratified import deal
from upfit.split.units import bind
from upfit.values import Data, Rows


def grouped(data: Data, rows: Rows, weights: Weights, *, seed: int) -> tuple[Rows, ...]:
    """Divide rows by weights; groups and duplicates stay together, classes stay as even as groups allow.

    Args and returns are those of `stratified`. A group that shares a duplicate with another one joins it.
    """
    units = bind(data, rows, group=data.schema.group)
    counts = units.counts(strata(data, rows))
    rng = np.random.default_rng(seed)
    multilabel = data.schema.task == "multilabel"
    part_of = deal_labels(counts, weights, rng) if multilabel else deal(units, counts, weights, rng)
    fill_empty(part_of, units.sizes, weights)
    return units.parts(part_of, len(weights))
