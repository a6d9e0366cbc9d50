"""How given labels stand against what models believe that did not see them.

Confident learning (Northcutt, Jiang, Chuang 2021) names suspects; a second round of models that saw no
suspect, calibrated on the rows beyond suspicion, gives the odds of every label.
"""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from threadpoolctl import threadpool_limits

from upfit.audit.label_noise import label_noise, logits_of
from upfit.audit.scaling import of_unit_spread
from upfit.audit.subject import Features
from upfit.errors import MissingExtraError

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
BECAUSE = "out-of-fold models say so; look before you believe it"
"""Why another label is proposed."""

Floats = npt.NDArray[np.float64]


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
