"""Likely label errors: rows whose given class out-of-fold models find next to impossible.

Confident learning (Northcutt, Jiang, Chuang 2021) names suspects; a second round of models that saw no
suspect, calibrated on the rows beyond suspicion, judges all rows. Where many labels are wrong, shorter odds
will do: how many are is estimated as well, and a label that is then more likely wrong than right is reported.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from threadpoolctl import threadpool_limits

from upfit.audit.finding import of_rows, percent, times
from upfit.audit.label_noise import label_noise
from upfit.audit.subject import Features, Subject
from upfit.errors import MissingExtraError
from upfit.values import Action, Finding

STRENGTH = 0.003
"""C of the logistic regression: firmly regularised, so that no single wrong label can bend it."""
FOLDS = 5
SUSPECT, SEVERE = 1 / 40, 1 / 200
"""Odds of the given class against the likeliest one, from which a row is reported, and counts as severe."""
FEWEST = 5
"""Rows that a class needs: below, its examples cannot speak for one another."""

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
        return ()
    labels = subject.classes_of_rows[rows]
    enough = np.isin(labels, np.flatnonzero(np.bincount(labels) >= FEWEST))
    if enough.sum() < 50 or len(np.unique(labels[enough])) < 2:
        return ()
    return _classes(subject, rows[enough], features[enough], labels[enough])


def _classes(
    subject: Subject, rows: npt.NDArray[np.int64], features: Features, labels: npt.NDArray[np.int64]
) -> tuple[Finding, ...]:
    present, dense = np.unique(labels, return_inverse=True)
    own, best, doubted = doubts(features, dense)
    flagged = np.flatnonzero((own < SUSPECT) | doubted)
    if not len(flagged):
        return ()
    names = np.array(subject.data.schema.classes, dtype=object)[present]
    found = []
    severe = flagged[own[flagged] < SEVERE]
    rest = flagged[own[flagged] >= SEVERE]
    if subject.data.schema.modality == "table":
        # Columns of numbers rarely settle a class: what surprises there may well be true.
        gradings = [("info", flagged, "surprising")]
    else:
        gradings = [("error", severe, "very likely wrong"), ("warning", rest, "likely wrong")]
    for severity, places, how in gradings:
        if len(places):
            found.append(_finding(subject, severity, how, rows, places, own, names[dense], names[best]))
    return tuple(found)


def _finding(
    subject: Subject,
    severity: Any,
    how: str,
    rows: npt.NDArray[np.int64],
    places: npt.NDArray[np.int64],
    own: Floats,
    given: npt.NDArray[Any],
    better: npt.NDArray[Any],
) -> Finding:
    share = len(places) / len(rows)
    examples = [f"{subject.show(int(rows[k]))}: {given[k]}, rather {better[k]}" for k in places]
    order = places[np.argsort(own[places], kind="stable")]
    relabel = Action(
        do="relabel",
        column=subject.data.schema.target[0],
        rows=tuple(rows[order].tolist()),
        to=[str(one) for one in better[order]],
        because="out-of-fold models say so; look before you believe it",
    )
    believed = severity != "info"
    message = f"{times(len(places), f'{how} label')} among {len(rows):,} rows ({percent(share)})"
    return of_rows(
        subject,
        "label_errors",
        severity,
        message,
        rows=rows[places],
        scores=1 - own[places],
        examples=examples,
        actions=[relabel] if believed else [],
        share=share,
    )


def doubts(
    features_ND: Features, labels: npt.NDArray[np.int64]
) -> tuple[Floats, npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """How each given label stands against the most probable class, and which that is.

    Args:
        features_ND: (N, D).
        labels: (N,) classes 0 to K-1, each on five rows or more.

    Returns:
        (N,) share of the given class in what it and the most probable class have together (0.5 where they
        are the same), calibrated; (N,) the most probable class; and (N,) whether the given one is more likely
        wrong than right, by `label_noise`.

    Raises:
        MissingExtraError: cleanlab is not installed.
    """
    try:
        from cleanlab.filter import find_label_issues
    except ImportError:
        raise MissingExtraError("cleanlab", extra="data", purpose="looking for label errors") from None
    scaled = (features_ND - features_ND.mean(0)) / (float(features_ND.std(0).mean()) + 1e-12)
    everyone = np.ones(len(labels), bool)
    first = out_of_fold(scaled, labels, everyone)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        suspects = find_label_issues(labels, first, filter_by="low_self_confidence", n_jobs=1)
    suspects = np.asarray(suspects, bool)
    trusting = out_of_fold(scaled, labels, ~suspects)
    doubted = label_noise(np.log(np.maximum(trusting, 1e-12)), labels).doubted(labels)
    second = calibrated(trusting, labels, ~suspects)
    own = second[np.arange(len(labels)), labels]
    # Against its rival, not against all: with many classes every probability is small.
    return own / (own + second.max(1)), second.argmax(1), doubted


def out_of_fold(
    features_ND: Features, labels: npt.NDArray[np.int64], trusted: npt.NDArray[np.bool_]
) -> Floats:
    """(N, K) probabilities of each row from a model that saw neither it nor any row that is not trusted."""
    count = int(labels.max()) + 1
    found = np.full((len(labels), count), 1e-6)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # enough steps for a ranking, if not for the last digit
        for train, held in folds.split(features_ND, labels):
            kept = train[trusted[train]]
            model = LogisticRegression(C=STRENGTH, max_iter=60, tol=1e-3).fit(features_ND[kept], labels[kept])
            found[held[:, None], model.classes_] = model.predict_proba(features_ND[held])
    return np.asarray(found / found.sum(1, keepdims=True))


def calibrated(
    probabilities_NK: Floats, labels: npt.NDArray[np.int64], trusted: npt.NDArray[np.bool_]
) -> Floats:
    """Probabilities at the temperature that suits the trusted rows (Guo et al. 2017)."""
    logits = np.log(np.maximum(probabilities_NK, 1e-9))
    return tempered(logits, labels, np.flatnonzero(trusted), bounds=(-1, 3))


def tempered(
    logits_NK: Floats,
    labels: npt.NDArray[np.int64],
    rows: npt.NDArray[np.int64],
    *,
    bounds: tuple[float, float],
) -> Floats:
    """Probabilities of logits times the factor, e to a power within bounds, that suits the labels of rows."""

    def loss(power: float) -> float:
        found = log_softmax(logits_NK[rows] * np.exp(power), axis=1)
        return -float(found[np.arange(len(rows)), labels[rows]].mean())

    factor = float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))
    return np.asarray(np.exp(log_softmax(logits_NK * factor, axis=1)))


def _residuals(subject: Subject, rows: npt.NDArray[np.int64], features: Features) -> tuple[Finding, ...]:
    """Targets far from what the other rows predict: more than eight robust deviations."""
    if len(rows) < 50:
        return ()
    values = subject.labels[np.searchsorted(subject.open_rows, rows)].astype(float)
    model = RidgeCV(alphas=np.logspace(-1, 5, 7))
    scaled = (features - features.mean(0)) / (float(features.std(0).mean()) + 1e-12)
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
