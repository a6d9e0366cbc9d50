"""Outliers and off-topic examples: far from all others of their class, in a frozen backbone's features.

Two distances are asked, and the greater deviation counts: from the nearest rows of the class, by direction;
and from the middle of the class, in what rows of a class vary by (Mahalanobis). Each finds strangers that the
other does not see.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.covariance import ledoit_wolf

from upfit.audit.finding import drop, of_rows, percent, times
from upfit.audit.subject import Features, Subject
from upfit.values import Finding

FAR = 2.0
"""Robust deviations above the median distance, which cannot grow beyond a few: cosines are bounded."""
MOST_SHARE = 0.02
"""Of the rows; more of them would be a kind of their own, not strangers."""
SPREAD_ROWS = 5000
"""Rows that tell by what features vary within a class."""
NEIGHBOURS, SHARE = 10, 0.03
"""Neighbours asked: at least 10, and 3 % of the class, so that a clump of strangers is still far away."""

LEAST_SPREAD = 1e-4
"""Of the mean variance, in every direction."""
ROUNDING = 1e-8
"""Of the sum of squares, below which rows of a group differ by rounding alone."""

Floats = npt.NDArray[np.float64]


def outliers(subject: Subject) -> tuple[Finding, ...]:
    """Rows of train and validation whose nearest companions are all far away, the farthest first."""
    if subject.features_ED is None or subject.data.schema.modality == "table":
        return ()
    inside = np.isin(subject.embedded, subject.open_rows)
    rows = subject.embedded[inside]
    if len(rows) < 100:
        return ()
    groups = subject.classes_of_rows[rows]
    beyond = farness(subject.features_ED[inside], subject.unit_features_ED[inside], groups)
    far = np.flatnonzero(beyond > FAR)
    far = far[np.argsort(-beyond[far], kind="stable")][: int(MOST_SHARE * len(rows))]
    if not len(far):
        return ()
    share = len(far) / len(rows)
    examples = [_named(subject, int(row)) for row in rows[far]]
    verb = times(len(far), "row lies", "rows lie")
    rest = "the rest of the class" if subject.single_class else "all others"
    message = f"{verb} farthest from {rest} ({percent(share)}): off topic, or merely rare"
    found = of_rows(
        subject,
        "outliers",
        "info",  # some rows always are the farthest
        message,
        rows=rows[far],
        scores=beyond[far],
        examples=examples,
        actions=[drop(rows[far], "off topic, if looking at it agrees", doubtful=True)],
        share=share,
    )
    return (found,)


def _named(subject: Subject, row: int) -> str:
    return f"{subject.show(row)} ({subject.label(row)})" if subject.single_class else subject.show(row)


def farness(features_ND: Features, unit_ND: Features, groups: npt.NDArray[np.int64]) -> Floats:
    """(N,) the greater of how many deviations each row is off by either distance, in its class and in all."""
    distances = (remoteness(unit_ND, groups), oddness(features_ND, groups))
    return np.maximum(*(deviations(one, groups) for one in distances))


def remoteness(unit_ND: npt.NDArray[np.float32], groups: npt.NDArray[np.int64]) -> Floats:
    """(N,) mean distance (1 - cosine) to the nearest other rows of the same group.

    Args:
        unit_ND: (N, D) features of length 1.
        groups: (N,) class of each row; of one number where there are none.
    """
    found = np.zeros(len(unit_ND))
    for group in np.unique(groups):
        places = np.flatnonzero(groups == group)
        k = min(len(places) - 1, max(NEIGHBOURS, int(SHARE * len(places))))
        if k < 1:
            continue
        # A sample of a large class tells as well how far away it is.
        rng = np.random.default_rng(0)
        others = places if len(places) <= 5000 else rng.choice(places, 5000, replace=False)
        asked = max(1, round(k * len(others) / len(places)))
        for block in np.array_split(places, 1 + len(places) // 1000):
            cosines = unit_ND[block] @ unit_ND[others].T
            cosines[block[:, None] == others[None, :]] = -1
            nearest = -np.partition(-cosines, asked - 1, axis=1)[:, :asked]
            found[block] = 1 - nearest.mean(1)
    return found


def oddness(features_ND: Features, groups: npt.NDArray[np.int64]) -> Floats:
    """(N,) Mahalanobis distance of each row from the others of its group, in the spread within all groups.

    Source: Lee, Lee, Lee, Shin 2018, "A simple unified framework for detecting out-of-distribution samples";
    Ledoit and Wolf 2004 (shrinkage), since there are seldom more rows than features.

    Args:
        features_ND: (N, D).
        groups: (N,) class of each row; of one number where there are none.
    """
    _, dense = np.unique(groups, return_inverse=True)
    counts = np.bincount(dense)
    sums = np.zeros((len(counts), features_ND.shape[1]))
    np.add.at(sums, dense, features_ND)
    apart = features_ND - (sums / counts[:, None]).astype(np.float32)[dense]
    some = np.random.default_rng(0).permutation(len(apart))[:SPREAD_ROWS]
    varied = float(np.square(apart, dtype=np.float64).sum())
    if varied <= ROUNDING * float(np.square(features_ND, dtype=np.float64).sum()):
        return np.zeros(len(features_ND))  # copies of one row: none is odd
    covariance = ledoit_wolf(apart[some], assume_centered=True)[0]
    # Two texts in a hundred copies vary in one direction alone, and shrinkage leaves the others at nought.
    covariance.flat[:: len(covariance) + 1] += LEAST_SPREAD * np.trace(covariance) / len(covariance)
    spread = np.linalg.cholesky(np.linalg.inv(covariance)).astype(np.float32)
    # Without the row itself its class's middle lies further off: by n / (n - 1).
    alone = (counts / np.maximum(counts - 1, 1))[dense]
    return np.asarray(np.linalg.norm(apart @ spread, axis=1) * alone, np.float64)


def deviations(distance: Floats, groups: npt.NDArray[np.int64]) -> Floats:
    """(N,) how far above the middle of its own class and of all rows, in robust deviations."""
    overall = _above(distance, distance)
    own = overall.copy()
    for group in np.unique(groups):
        places = np.flatnonzero(groups == group)
        if len(places) >= 30:
            own[places] = _above(distance[places], distance[places])
    return np.minimum(own, overall)


def _above(values: Floats, known: Floats) -> Floats:
    """Deviations measured on the upper half alone: distances are skewed."""
    middle = float(np.median(known))
    upper = known[known > middle]
    spread = 1.4826 * float(np.median(upper - middle)) if len(upper) else 0.0
    return (values - middle) / max(spread, 1e-6)
