"""Shift between parts: can a classifier tell where a row comes from, and by what?

The classifier two-sample test (Lopez-Paz and Oquab 2017): at an AUROC of 0.5 nothing tells them apart.
"""

from __future__ import annotations

import math
import warnings

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2_contingency, ks_2samp
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from threadpoolctl import threadpool_limits

from upfit.audit.finding import some
from upfit.audit.measurements import measurements
from upfit.audit.scaling import of_unit_spread
from upfit.audit.subject import Subject
from upfit.values import Estimate, Finding, Rows

NOTABLE, STRONG = 0.55, 0.7
MOST_ROWS = 3000
"""Of each part; more would not change what is said."""
FEWEST = 30


def shift(subject: Subject) -> tuple[Finding, ...]:
    """Train against validation and test, by inputs; by labels against validation alone: test is sealed."""
    found = []
    for part in ("validation", "test"):
        rows = subject.rows_of(part)
        if len(rows) >= FEWEST and subject.features_ED is not None:
            found += _inputs(subject, part)
    return (*found, *_labels(subject))


def _inputs(subject: Subject, part: str) -> list[Finding]:
    here = _sample(np.flatnonzero(subject.part_of[subject.embedded] == "train"))
    there = _sample(np.flatnonzero(subject.part_of[subject.embedded] == part))
    if min(len(here), len(there)) < FEWEST or subject.features_ED is None:
        return []
    features = np.concatenate([subject.features_ED[here], subject.features_ED[there]])
    area = separability(features, np.repeat([0, 1], [len(here), len(there)]))
    if area.low < NOTABLE:
        return []
    drivers = _drivers(subject, subject.embedded[here], subject.embedded[there])
    because = f": {some(drivers, 3)}" if drivers else ""
    message = f"{part} differs from train: a classifier tells them apart with AUROC {area}{because}"
    return [
        Finding(
            kind="shift",
            severity="warning" if area.value >= STRONG else "info",
            message=message,
            evidence={"auroc": area.value, "low": area.low, "high": area.high},
            examples=tuple(drivers[:12]),
        )
    ]


def separability(features_ND: npt.NDArray[np.float32], sides: npt.NDArray[np.int64]) -> Estimate:
    """AUROC of a cross-validated linear classifier between two sides, with its interval.

    Args:
        features_ND: (N, D).
        sides: (N,) 0 or 1.
    """
    scaled = of_unit_spread(features_ND)
    model = LogisticRegression(C=0.003, max_iter=100, class_weight="balanced")
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scores = cross_val_predict(model, scaled, sides, cv=folds, method="decision_function")
    area = float(
        np.mean([roc_auc_score(sides[held], scores[held]) for _, held in folds.split(scaled, sides)])
    )
    half = 1.96 * _standard_error(area, int(sides.sum()), int((1 - sides).sum()))
    return Estimate(area, max(0.0, area - half), min(1.0, area + half))


def _standard_error(area: float, positives: int, negatives: int) -> float:
    """Of an AUROC (Hanley and McNeil 1982)."""
    one, two = area / (2 - area), 2 * area**2 / (1 + area)
    square = area * (1 - area) + (positives - 1) * (one - area**2) + (negatives - 1) * (two - area**2)
    return math.sqrt(max(0.0, square) / (positives * negatives))


def _drivers(subject: Subject, here: Rows, there: Rows) -> list[str]:
    """What differs most, in words: plain measurements such as length, brightness, a column's values."""
    found = []
    for name, values in measurements(subject).items():
        left, right = values[here], values[there]
        left, right = left[np.isfinite(left)], right[np.isfinite(right)]
        if min(len(left), len(right)) < FEWEST:
            continue
        test = ks_2samp(left, right)
        if test.pvalue < 1e-4 and test.statistic > 0.08:
            words = f"{name} {np.median(left):.3g} in train, {np.median(right):.3g} there (medians)"
            if np.median(left) == np.median(right):
                words = f"{name} {np.mean(left):.3g} in train, {np.mean(right):.3g} there (means)"
            found.append((float(test.statistic), words))
    return [words for _, words in sorted(found, reverse=True)]


def _labels(subject: Subject) -> list[Finding]:
    """Whether classes have other shares in validation than in train."""
    if not subject.single_class or len(subject.rows_of("validation")) < FEWEST:
        return []
    parts, count = subject.part_of[subject.open_rows], len(subject.data.schema.classes)
    table = np.stack(
        [np.bincount(subject.labels[parts == part], minlength=count) for part in ("train", "validation")]
    )
    table = table[:, table.sum(0) > 0]
    shares = table / table.sum(1, keepdims=True)
    distance = float(np.abs(shares[0] - shares[1]).sum() / 2)
    if chi2_contingency(table).pvalue > 1e-4 or distance < 0.05:
        return []
    worst = int(np.abs(shares[0] - shares[1]).argmax())
    name = [
        one for one, seen in zip(subject.data.schema.classes, _seen(subject, count), strict=True) if seen
    ][worst]
    message = (
        f"classes have other shares in validation than in train: {name!r} {shares[0][worst]:.1%} of train, "
        f"{shares[1][worst]:.1%} of validation"
    )
    return [Finding(kind="label_shift", severity="info", message=message, evidence={"distance": distance})]


def _seen(subject: Subject, count: int) -> npt.NDArray[np.bool_]:
    return np.bincount(subject.labels, minlength=count) > 0


def _sample(places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    rng = np.random.default_rng(0)
    return places if len(places) <= MOST_ROWS else np.sort(rng.choice(places, MOST_ROWS, replace=False))
