"""Probes on growing nested subsets of cached features: what a learning curve is made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from upfit.train.objective import Objective
from upfit.train.probe import Features, fit_probe

REPEATS, SIZES = 5, 7
SMALLEST = 1 / 16

Floats = npt.NDArray[np.float64]


def curve_sizes(count: int, classes: int) -> npt.NDArray[np.int64]:
    """Numbers of examples to try, evenly on a logarithmic scale, up to all of them.

    >>> curve_sizes(1600, 10).tolist()
    [100, 159, 252, 400, 635, 1008, 1600]
    """
    least = max(int(count * SMALLEST), min(count // 3, 3 * max(2, classes)), 8)
    return np.unique(np.geomspace(least, count, SIZES).round().astype(np.int64))


def losses_by_size(
    train: tuple[Features, npt.NDArray[Any]],
    held: tuple[Features, npt.NDArray[Any]],
    objective: Objective,
    *,
    outputs: int,
    sizes: npt.NDArray[np.int64],
    advance: Callable[[int, int], None] = lambda done, total: None,
) -> Floats:
    """(S, R, M) loss of each held-out example after a probe was fitted on each size, five times.

    Subsets are nested within a repetition. A loss is 0 or 1 (classes), the share of wrong labels
    (multilabel), or the squared error (regression).

    Args:
        train: (N, D) features and their targets.
        held: (M, D) features and targets of validation.
        objective: The task with its units.
        outputs: K.
        sizes: (S,) numbers of training examples.
        advance: Told how many fits are done, and of how many.
    """
    features, targets = train
    strengths = _strengths(features, targets, objective, outputs, sizes)
    found = np.empty((len(sizes), REPEATS, len(held[1])))
    for repeat in range(REPEATS):
        order = np.random.default_rng(repeat).permutation(len(targets))
        for place, size in enumerate(sizes):
            if place == len(sizes) - 1 and size == len(targets) and repeat:
                found[place, repeat] = found[place, 0]  # all rows are the same rows in any order
                continue
            rows = order[:size]
            probe = fit_probe(
                features[rows], targets[rows], objective, outputs=outputs, strength=strengths[place]
            )
            found[place, repeat] = _losses(objective, objective.scores(probe.logits(held[0])), held[1])
            advance(repeat * len(sizes) + place + 1, REPEATS * len(sizes))
    return found


def _strengths(
    features: Features,
    targets: npt.NDArray[Any],
    objective: Objective,
    outputs: int,
    sizes: npt.NDArray[np.int64],
) -> list[float | None]:
    """C for each size: cross-validated at the smallest and the largest, in between on a logarithmic scale."""
    if objective.task == "regression":
        return [None] * len(sizes)
    order = np.random.default_rng(0).permutation(len(targets))
    ends = [
        fit_probe(features[order[:size]], targets[order[:size]], objective, outputs=outputs).strength
        for size in (sizes[0], sizes[-1])
    ]
    between = np.log(sizes / sizes[0]) / max(np.log(sizes[-1] / sizes[0]), 1e-9)
    return [float(np.exp((1 - t) * np.log(ends[0]) + t * np.log(ends[1]))) for t in between]


def _losses(objective: Objective, scores: Any, targets: npt.NDArray[Any]) -> Floats:
    scores = np.asarray(torch.as_tensor(scores), float)
    if objective.task == "regression":
        return np.asarray((scores[:, 0] - targets) ** 2)
    if objective.task == "multilabel":
        return np.asarray(((scores >= 0.5) != (targets > 0.5)).mean(1))
    return np.asarray(scores.argmax(1) != targets, float)
