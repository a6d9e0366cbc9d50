"""Wrong labels of training rows, found by heads that did not learn from them, dropped or put right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from upfit.audit.label_errors import FEWEST, SEVERE, SUSPECT, doubts
from upfit.train.probe import Features

LEAST = 50
"""Rows below which label errors cannot be told from rare examples."""
MOST_SHARE = 0.5
"""Of the rows; where more look wrong, it is the features that do not speak of the label."""


@dataclass(frozen=True, eq=False)
class Cleaning:
    """What is done about labels.

    Args:
        dropped: (D,) places of rows that are left out.
        relabelled: (R,) places of rows that get another class.
        to: (R,) which.
    """

    dropped: npt.NDArray[np.int64]
    relabelled: npt.NDArray[np.int64]
    to: npt.NDArray[np.int64]

    def __len__(self) -> int:
        """How many rows are concerned."""
        return len(self.dropped) + len(self.relabelled)


NOTHING = Cleaning(*(np.empty(0, np.int64) for _ in range(3)))


def label_cleaning(features_ND: Features, labels: npt.NDArray[Any]) -> Cleaning:
    """Which labels to drop or to change.

    A label that is next to impossible beside its rival becomes that rival; one that is only improbable is
    dropped with its row. The thresholds are those of the audit.

    Args:
        features_ND: (N, D) features of training rows.
        labels: (N,) their classes.

    Raises:
        MissingExtraError: cleanlab is not installed.

    Source: Northcutt, Jiang, Chuang 2021 (confident learning).
    """
    enough = np.flatnonzero(np.isin(labels, np.flatnonzero(np.bincount(labels) >= FEWEST)))
    present, dense = np.unique(labels[enough], return_inverse=True)
    if len(enough) < LEAST or len(present) < 2:
        return NOTHING
    own, best = doubts(features_ND[enough], dense)
    if (own < SUSPECT).mean() > MOST_SHARE:
        return NOTHING
    severe, doubtful = own < SEVERE, (own >= SEVERE) & (own < SUSPECT)
    return Cleaning(enough[doubtful], enough[severe], present[best[severe]])
