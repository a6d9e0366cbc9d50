"""Calibration: does a model that says 80 % turn out right 80 % of the time?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from upfit.measure.arrays import Array, Floats, Ints, checked
from upfit.values import Task

BINS = 15


@dataclass(frozen=True)
class Bin:
    """Examples of like confidence: how many, their mean confidence, and the fraction that was right."""

    count: int
    confidence: float
    accuracy: float


def binned(confidence_N: Floats, bins: int = BINS) -> Ints:
    """The bin of each example: bins of equal mass, equal confidences together, so there may be fewer."""
    edges = np.quantile(confidence_N, np.linspace(0, 1, bins + 1)[1:-1])
    found = np.searchsorted(np.unique(edges), confidence_N, side="right")
    return np.asarray(np.unique(found, return_inverse=True)[1], np.int64)


def calibration_bins(task: Task, scores: Array, targets: Array, *, bins: int = BINS) -> tuple[Bin, ...]:
    """The calibration plot's points, by rising confidence.

    Confidence is the probability of the predicted class (of every label, for a multilabel task).
    The calibration error is the mean of |confidence - accuracy| over 15 bins, weighted by their counts.
    """
    scores, targets = checked(task, scores, targets)
    if task == "multilabel":
        confidence, right = scores.ravel(), targets.ravel() > 0.5
    else:
        confidence, right = scores.max(axis=1), scores.argmax(axis=1) == targets
    place = binned(confidence, bins)
    found = (np.flatnonzero(place == one) for one in range(place.max() + 1))
    return tuple(Bin(len(at), float(confidence[at].mean()), float(right[at].mean())) for at in found)
