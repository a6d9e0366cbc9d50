"""Likely label errors: rows whose given class out-of-fold models find next to impossible.

How many labels are wrong is estimated (`label_noise`): a label that is then more likely wrong than right is
an error. Others are odd, and worth a look. On real sets half of the odd labels or more are right
(`bench/results/audit_reading.md`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import cross_val_predict

from upfit.audit.doubts import BECAUSE, FEWEST, FOLDS, doubts
from upfit.audit.finding import of_rows, percent, times
from upfit.audit.scaling import of_unit_spread
from upfit.audit.subject import Features, Subject
from upfit.audit.tag_errors import tag_errors
from upfit.values import Action, Finding
from upfit.values.shortened import shortened

FEWEST_ROWS = 50
"""Rows below which nothing is said."""

_WORDS: dict[str, Callable[[int], str]] = {
    "error": lambda count: times(count, "label is", "labels are") + " more likely wrong than right",
    "warning": lambda count: (
        times(count, "label is", "labels are")
        + " not what similar rows have: some will be wrong, others rare or hard"
    ),
    "info": lambda count: times(count, "surprising label"),
}

Floats = npt.NDArray[np.float64]


def label_errors(subject: Subject) -> tuple[Finding, ...]:
    """Rows of train and validation that are probably mislabelled, the most probable first.

    Raises:
        MissingExtraError: cleanlab is not installed.
    """
    if subject.features_ED is None or not len(subject.embedded):
        return ()
    inside = np.isin(subject.embedded, subject.open_rows)
    rows, features = subject.embedded[inside], subject.features_ED[inside]
    if subject.data.schema.task == "regression":
        return _residuals(subject, rows, features)
    if not subject.single_class:
        return tag_errors(subject, rows, features) if len(rows) >= FEWEST_ROWS else ()
    labels = subject.classes_of_rows[rows]
    enough = np.isin(labels, np.flatnonzero(np.bincount(labels) >= FEWEST))
    if enough.sum() < FEWEST_ROWS or len(np.unique(labels[enough])) < 2:
        return ()
    return _classes(subject, rows[enough], features[enough], labels[enough])


def _classes(
    subject: Subject, rows: npt.NDArray[np.int64], features: Features, labels: npt.NDArray[np.int64]
) -> tuple[Finding, ...]:
    present, dense = np.unique(labels, return_inverse=True)
    own, best, wrong, odd = doubts(features, dense)
    names = np.array(subject.data.schema.classes, dtype=object)[present]
    found = []
    if subject.data.schema.modality == "table":
        # Columns of numbers rarely settle a class: what surprises there may well be true.
        gradings = [("info", wrong | odd)]
    else:
        gradings = [("error", wrong), ("warning", odd & ~wrong)]
    for severity, mask in gradings:
        if mask.any():
            places = np.flatnonzero(mask)
            found.append(_finding(subject, severity, rows, places, own, names[dense], names[best]))
    return tuple(found)


def _finding(
    subject: Subject,
    severity: Any,
    rows: npt.NDArray[np.int64],
    places: npt.NDArray[np.int64],
    own: Floats,
    given: npt.NDArray[Any],
    better: npt.NDArray[Any],
) -> Finding:
    share = len(places) / len(rows)
    names = [(shortened(str(given[k])), shortened(str(better[k]))) for k in places]
    examples = [
        f"{subject.show(int(rows[k]))}: {given_name}, rather {better_name}"
        for k, (given_name, better_name) in zip(places, names, strict=True)
    ]
    order = places[np.argsort(own[places], kind="stable")]
    relabel = Action(
        do="relabel",
        column=subject.data.schema.target[0],
        rows=tuple(rows[order].tolist()),
        to=[str(one) for one in better[order]],
        because=BECAUSE,
        # Where few labels are wrong, many of those that look so are right: nobody's are changed unread.
        doubtful=True,
    )
    message = f"{_WORDS[severity](len(places))} ({percent(share)} of {len(rows):,})"
    return of_rows(
        subject,
        "label_errors",
        severity,
        message,
        rows=rows[places],
        scores=1 - own[places],
        examples=examples,
        actions=[relabel] if severity != "info" else [],
        share=share,
    )


def _residuals(subject: Subject, rows: npt.NDArray[np.int64], features: Features) -> tuple[Finding, ...]:
    """Targets far from what the other rows predict: more than eight robust deviations."""
    if len(rows) < FEWEST_ROWS:
        return ()
    values = subject.labels[np.searchsorted(subject.open_rows, rows)].astype(float)
    model = RidgeCV(alphas=np.logspace(-1, 5, 7))
    scaled = of_unit_spread(features)
    off = values - cross_val_predict(model, scaled, values, cv=FOLDS)
    spread = 1.4826 * float(np.median(np.abs(off - np.median(off)))) + 1e-12
    far = np.flatnonzero(np.abs(off) > 8 * spread)
    # A tail that long is the shape of the target (prices, counts), not a slip.
    if not len(far) or len(far) > 0.01 * len(rows):
        return ()
    examples = [
        f"{subject.show(int(rows[k]))}: {values[k]:.4g}, expected {values[k] - off[k]:.4g}" for k in far
    ]
    message = f"{times(len(far), 'target')} far from what similar rows have: {percent(len(far) / len(rows))}"
    return (
        of_rows(
            subject,
            "label_errors",
            "warning",
            message,
            rows=rows[far],
            scores=np.abs(off[far]) / spread,
            examples=examples,
            share=len(far) / len(rows),
        ),
    )
