"""Probes on growing nested subsets of cached features: what a learning curve is made of."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from upfit.train.firmness import Firmness
from upfit.train.logistic import Features
from upfit.train.objective import Objective
from upfit.train.probe import fit_probe

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
    firmness: Firmness | None = None,
    advance: Callable[[int, int], None] = lambda done, total: None,
) -> Floats:
    """(S, R, M) loss of each held-out example after a probe was fitted on each size, five times.

    Subsets are nested within a repetition, and have the class shares of all rows. A loss is 0 or 1 (classes),
    the share of wrong labels (multilabel), or the squared error (regression).

    Args:
        train: (N, D) features and their targets.
        held: (M, D) features and targets of validation.
        objective: The task with its units.
        outputs: K.
        sizes: (S,) numbers of training examples.
        firmness: How firmly probes are held; cross-validated at the largest size where missing.
        advance: Told how many fits are done, and of how many.
    """
    features, targets = train
    firmness = firmness or probe_firmness(train, objective, outputs=outputs, size=int(sizes[-1]))
    found = np.empty((len(sizes), REPEATS, len(held[1])))
    for repeat in range(REPEATS):
        order = nested_order(targets, seed=repeat)
        for place, size in enumerate(sizes):
            if place == len(sizes) - 1 and size == len(targets) and repeat:
                found[place, repeat] = found[place, 0]  # all rows are the same rows in any order
                continue
            rows = order[:size]
            with warnings.catch_warnings():
                # That a class has a row or two is the very thing that is tried here.
                warnings.filterwarnings("ignore", message="The number of unique classes")
                probe = fit_probe(
                    features[rows], targets[rows], objective, outputs=outputs, firmness=firmness
                )
            found[place, repeat] = losses_of(objective, objective.scores(probe.logits(held[0])), held[1])
            advance(repeat * len(sizes) + place + 1, REPEATS * len(sizes))
    return found


def nested_order(targets: npt.NDArray[Any], *, seed: int) -> npt.NDArray[np.int64]:
    """(N,) rows in an order every beginning of which has (nearly) the class shares of the whole.

    More data of the same kind have the same classes in the same shares; random beginnings miss classes, the
    more the shorter they are, and curves of them are steeper than what comes.

    Args:
        targets: (N,) classes; anything else is only shuffled.
        seed: Another gives another order.

    >>> np.bincount(np.array([0, 1] * 50)[nested_order(np.array([0, 1] * 50), seed=3)[:20]]).tolist()
    [10, 10]
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(targets))
    if targets.ndim > 1 or not np.issubdtype(targets.dtype, np.integer):
        return order
    _, dense, counts = np.unique(targets[order], return_inverse=True, return_counts=True)
    by_class = np.argsort(dense, kind="stable")
    nth = np.empty(len(order), np.int64)
    nth[by_class] = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    # The n-th of a class stands at n / size of the class, where all classes shift by chance.
    return np.asarray(
        order[np.argsort((nth + rng.random(len(counts))[dense]) / counts[dense], kind="stable")]
    )


def probe_firmness(
    train: tuple[Features, npt.NDArray[Any]], objective: Objective, *, outputs: int, size: int
) -> Firmness | None:
    """How firmly probes are held, cross-validated once at the largest size.

    It stands for what is believed of the weights before any data, and that does not change with their number;
    chosen anew at each size from a coarse grid, it would bend the curve by more than the data do.
    """
    if objective.task == "regression":
        return None
    features, targets = train
    rows = np.random.default_rng(0).permutation(len(targets))[:size]
    return fit_probe(features[rows], targets[rows], objective, outputs=outputs).firmness


def losses_of(objective: Objective, scores: Any, targets: npt.NDArray[Any]) -> Floats:
    """(M,) what each answer costs: 0 or 1, the share of wrong labels, or the squared error.

    Args:
        objective: The task with its units.
        scores: (M, K) answers, as the task has them.
        targets: (M,) or (M, K) what is right.
    """
    scores = np.asarray(torch.as_tensor(scores), float)
    if objective.task == "regression":
        return np.asarray((scores[:, 0] - targets) ** 2)
    if objective.task == "multilabel":
        return np.asarray(((scores >= 0.5) != (targets > 0.5)).mean(1))
    return np.asarray(scores.argmax(1) != targets, float)
