"""Who says which class a row has, without having seen that row's label: three ways, none always the best.

Logistic regression is the best where there are many rows; where a class has five or ten, one wrong label
bends it, and the mean of a class is surer; near rows know of classes that lie in several places.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from upfit.audit.doubts import out_of_fold
from upfit.audit.label_noise import logits_of
from upfit.train.leave_one_out import leave_one_out
from upfit.train.logistic import Features

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

STRENGTH = 0.03
"""C of the logistic regression, for features of unit spread."""
WORK = 5 * 10**7
"""Rows x features x classes beyond which logistic regression takes minutes."""
NEAR, SHARPNESS = 10, 10.0
"""Neighbours that are asked, and how much more the nearer ones count: e to this times the cosine."""
MOST_ROWS = 20_000
"""Rows beyond which comparing each with each takes minutes."""
CHUNK = 1024


def witnesses(scaled_ND: Features, labels: Labels) -> tuple[Floats, ...]:
    """Outputs (N, K) of each witness about each row, from the labels of the other rows.

    Args:
        scaled_ND: (N, D) features of unit spread, centred.
        labels: (N,) 0 to K-1, each on three rows or more.
    """
    classes = int(labels.max()) + 1
    if scaled_ND.size * classes > WORK:
        found = [leave_one_out(scaled_ND, labels, classes=classes)]
    else:
        everyone = np.ones(len(labels), bool)
        found = [logits_of(out_of_fold(scaled_ND, labels, everyone, strength=STRENGTH))]
    directions = scaled_ND / np.maximum(np.linalg.norm(scaled_ND, axis=1, keepdims=True), 1e-12)
    votes_NK = np.eye(classes, dtype=directions.dtype)[labels]
    found.append(to_means(directions, votes_NK))
    if len(labels) <= MOST_ROWS:
        found.append(of_neighbours(directions, votes_NK))
    return tuple(found)


def to_means(directions_ND: Features, votes_NK: Features) -> Floats:
    """(N, K) cosine of each row with the mean of each class, the row left out of it.

    Args:
        directions_ND: (N, D) rows of length 1.
        votes_NK: (N, K) how much each row counts for each class.

    Source: Snell, Swersky, Zemel 2017, "Prototypical Networks" (classes as means).

    >>> directions = np.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]])
    >>> to_means(directions, np.array([[1.0, 0], [1, 0], [0, 1]])).round(2).tolist()
    [[0.8, 0.0], [0.8, 0.6], [0.32, -1.0]]
    """
    sums_KD = votes_NK.T @ directions_ND
    products = directions_ND @ sums_KD.T
    lengths = (sums_KD**2).sum(1) - 2 * votes_NK * products + votes_NK**2
    known = lengths > 1e-6
    cosines = (products - votes_NK) / np.sqrt(np.where(known, lengths, 1.0))
    # A class of no other row: nothing speaks for it.
    return np.where(known, cosines, -1.0).astype(np.float64)


def of_neighbours(directions_ND: Features, votes_NK: Features) -> Floats:
    """(N, K) logarithms of the share of votes that each class has among a row's nearest other rows.

    Args:
        directions_ND: (N, D) rows of length 1, N above 10.
        votes_NK: (N, K) 0 or 1: the class of each row.
    """
    count, classes = votes_NK.shape
    shares = np.empty((count, classes))
    for first in range(0, count, CHUNK):
        rows = np.arange(first, min(first + CHUNK, count))
        cosines = directions_ND[rows] @ directions_ND.T
        cosines[np.arange(len(rows)), rows] = -np.inf
        near = np.argpartition(-cosines, NEAR, axis=1)[:, :NEAR]
        closeness = np.take_along_axis(cosines, near, axis=1)
        weights = np.exp(SHARPNESS * (closeness - closeness.max(1, keepdims=True)))
        shares[rows] = np.einsum("nj,njk->nk", weights, votes_NK[near]) / weights.sum(1, keepdims=True)
    # One vote in a hundred is spread evenly: that ten rows lack a class does not rule it out.
    return np.asarray(np.log(shares + 0.01 / classes), np.float64)
