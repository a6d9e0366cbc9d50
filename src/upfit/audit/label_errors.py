"""Likely label errors: rows whose given class out-of-fold models find next to impossible.

How many labels are wrong is estimated (`label_noise`): a label that is then more likely wrong than right is
an error. Others are odd, and worth a look. Confident learning (Northcutt, Jiang, Chuang 2021) names suspects;
a second round of models that saw no suspect, calibrated on the rows beyond suspicion, gives the odds of every
label. On real sets half of the odd labels or more are right (`bench/results/audit_reading.md`).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from threadpoolctl import threadpool_limits

from upfit.audit.finding import of_rows, percent, times
from upfit.audit.label_noise import label_noise, logits_of
from upfit.audit.scaling import of_unit_spread
from upfit.audit.subject import Features, Subject
from upfit.errors import MissingExtraError
from upfit.values import Action, Finding
from upfit.values.shortened import shortened

STRENGTH = 0.003
"""C of the logistic regression: firmly regularised, so that no single wrong label can bend it."""
FOLDS = 5
ODD = 1 / 100
"""Odds of the given class against the likeliest one, from which a label is odd."""
AT_LEAST, SURE = 0.05, 0.9
"""An odd label that is right with this chance, were one in twenty wrong, is not reported: where features
hardly tell classes apart, many labels are odd."""
FEWEST = 5
"""Rows that a class needs: below, its examples cannot speak for one another."""

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
        because="out-of-fold models say so; look before you believe it",
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


def doubts(
    features_ND: Features, labels: npt.NDArray[np.int64]
) -> tuple[Floats, npt.NDArray[np.int64], npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """How each given label stands against the most probable class, and which that is.

    Args:
        features_ND: (N, D).
        labels: (N,) classes 0 to K-1, each on five rows or more.

    Returns:
        (N,) share of the given class in what it and the most probable class have together (0.5 where they
        are the same), calibrated; (N,) the most probable class; (N,) whether the given one is more likely
        wrong than right, by `label_noise`; and (N,) whether it is odd.

    Raises:
        MissingExtraError: cleanlab is not installed.
    """
    try:
        from cleanlab.filter import find_label_issues
    except ImportError:
        raise MissingExtraError("cleanlab", extra="data", purpose="looking for label errors") from None
    scaled = of_unit_spread(features_ND)
    everyone = np.ones(len(labels), bool)
    first = out_of_fold(scaled, labels, everyone)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        suspects = find_label_issues(labels, first, filter_by="low_self_confidence", n_jobs=1)
    suspects = np.asarray(suspects, bool)
    trusting = out_of_fold(scaled, labels, ~suspects)
    # Models that saw no suspect are too sure where features say little; those that saw all rows are not.
    logits, rows = logits_of(first), np.arange(len(labels))
    wrong = label_noise(logits, labels).doubted(labels)
    believed = label_noise(logits, labels, least=AT_LEAST).beliefs_NK[rows, labels]
    second = calibrated(trusting, labels, ~suspects)
    own = second[rows, labels]
    # Against its rival, not against all: with many classes every probability is small.
    odds = own / (own + second.max(1))
    return odds, second.argmax(1), wrong, (odds < ODD) & (believed < SURE)


def out_of_fold(
    features_ND: Features,
    labels: npt.NDArray[np.int64],
    trusted: npt.NDArray[np.bool_],
    *,
    strength: float = STRENGTH,
) -> Floats:
    """(N, K) probabilities of each row from a model that saw neither it nor any row that is not trusted."""
    count = int(labels.max()) + 1
    found = np.full((len(labels), count), 1e-6)
    folds = StratifiedKFold(min(FOLDS, int(np.bincount(labels).max())), shuffle=True, random_state=0)
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # enough steps for a ranking, if not for the last digit
        for train, held in folds.split(features_ND, labels):
            kept = train[trusted[train]]
            model = LogisticRegression(C=strength, max_iter=60, tol=1e-3).fit(features_ND[kept], labels[kept])
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
