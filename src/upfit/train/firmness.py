"""How firmly a linear probe is held: by what its answers are worth once they are as sure as they may be.

A firmly held probe is unsure of itself, so that the plain log-loss prefers a looser one that follows the
noise; the factor that makes answers as sure as they are right costs nothing, since a probe times a number is
a probe. Which regularisation knows most is therefore asked after that factor (with a fifth of the labels
wrong: clothing_small .77 to .79, digits .91 to .92 accuracy).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, StratifiedKFold

from upfit.train.logistic import Rows, logistic, model_of

Floats = npt.NDArray[np.float64]

STRENGTHS = (0.0003, 0.003, 0.03, 0.3, 3.0)
HALF_STEP = 10**0.5
"""What is tried beside the best of them: their neighbours half-way."""
ROWS = 3000
"""Rows that choosing looks at; the final fit sees all."""
WORK = 10**8
"""Rows x features x classes beyond which one fold has to do: more would take longer than it is worth."""
STEPS = 60
"""Iterations of each fit of a fold at most."""
LABELS = 8
"""Of many labels, those that choosing looks at."""
POWERS = (-3.0, 3.0)
"""Powers of e that answers may be multiplied with."""


@dataclass(frozen=True)
class Firmness:
    """How firmly a probe is held, and how sure it is then made.

    Args:
        strength: C of the logistic regression, alpha of the ridge.
        factor: What its logits are multiplied with.
    """

    strength: float
    factor: float = 1.0


@dataclass(frozen=True, eq=False)
class Answers:
    """What a model that did not learn from some rows says about them.

    Args:
        logits: (M, K) of the classes that it knows.
        places: (M,) the right one's column.
        weights: (M,) how much each row counts.
    """

    logits: Floats
    places: npt.NDArray[np.int64]
    weights: Floats

    def losses(self, factor: float) -> Floats:
        """(M,) minus the logarithm of the right class's chance."""
        logs = log_softmax(self.logits * factor, axis=1)
        return np.asarray(-logs[np.arange(len(logs)), self.places])


@dataclass(frozen=True, eq=False)
class Fold:
    """Rows to learn from, and others to answer about.

    Args:
        learn: The first.
        judge: The others.
        model: Goes on from the last strength at the next: that halves the time.
    """

    learn: Rows
    judge: Rows
    model: LogisticRegression

    def answers(self, strength: float) -> Answers | None:
        """None where nothing can be told; rows of classes that are not learnt from are left out."""
        present, coef, intercept = logistic(self.learn, strength, model=self.model)
        known = self.judge.at(np.isin(self.judge.y, present))
        if not len(known.y) or len(present) < 2:
            return None
        logits = (known.x @ coef.T + intercept).astype(np.float64)
        weights = np.ones(len(known.y)) if known.weights is None else np.asarray(known.weights, np.float64)
        return Answers(logits, np.searchsorted(present, known.y), weights)


def best_firmness(rows: Rows, *, seed: int) -> Firmness:
    """The one with the least log-loss over folds, each strength with the factor that suits it.

    Args:
        rows: Features of about unit spread; targets (N,) classes or (N, K) labels, 0 or 1.
        seed: Decides the rows and the folds.

    Source: Berta, Holzmüller, Jordan, Bach 2025, "Rethinking Early Stopping: Refine, Then Calibrate"; Guo,
    Pleiss, Sun, Weinberger 2017 (temperature).

    >>> rng = np.random.default_rng(0)
    >>> labels = np.arange(120) % 3
    >>> x = (np.eye(3)[labels] + 0.3 * rng.standard_normal((120, 3))).astype(np.float32)
    >>> firm = best_firmness(Rows(x, labels, None), seed=0)
    >>> 0.0003 <= firm.strength <= 10 and firm.factor > 1
    True
    """
    chosen = rows.at(np.random.default_rng(seed).permutation(len(rows.x))[:ROWS])
    x, y = chosen.x, chosen.y
    parts = list(_folds(y, seed).split(x, y if y.ndim == 1 else None))
    much = x.size * len(np.unique(y)) > WORK
    pairs = [(chosen.at(learn), chosen.at(judge)) for learn, judge in (parts[:1] if much else parts)]
    folds = [fold for learn, judge in pairs for fold in _of_labels(learn, judge)]
    best, loss = _walk(STRENGTHS, folds)
    if much:
        return best
    beside = [_judged(folds, best.strength * step) for step in (1 / HALF_STEP, HALF_STEP)]
    return min([(best, loss), *beside], key=lambda one: one[1])[0]


def _walk(strengths: Sequence[float], folds: Sequence[Fold]) -> tuple[Firmness, float]:
    best, least = Firmness(strengths[0]), np.inf
    for strength in strengths:
        firmness, loss = _judged(folds, strength)
        if loss > least:
            # Past the least loss it only grows, and weak regularisation is the slowest to fit.
            break
        best, least = firmness, loss
    return best, least


def _judged(folds: Sequence[Fold], strength: float) -> tuple[Firmness, float]:
    """A strength with its factor, and the log-loss with both."""
    answers = [found for fold in folds if (found := fold.answers(strength)) is not None]
    weights = np.concatenate([one.weights for one in answers]) if answers else np.empty(0)
    if not weights.sum():
        return Firmness(strength), 0.0

    def loss(power: float) -> float:
        losses = np.concatenate([one.losses(np.exp(power)) for one in answers])
        # Sure of nothing: else a handful of rows, all answered right, would make a probe sure of everything.
        return float(np.average(losses, weights=weights)) + power**2 / (2 * len(losses))

    found = minimize_scalar(loss, bounds=POWERS, method="bounded", options={"xatol": 0.02})
    return Firmness(strength, float(np.exp(found.x))), float(found.fun)


def _of_labels(learn: Rows, judge: Rows) -> list[Fold]:
    """A fold, or for several labels a row one for each label that varies."""
    if learn.y.ndim == 1:
        return [Fold(learn, judge, model_of(steps=STEPS, warm=True))]
    varied = [k for k in range(min(LABELS, learn.y.shape[1])) if 0 < learn.y[:, k].sum() < len(learn.y)]
    return [Fold(learn.label(k), judge.label(k), model_of(steps=STEPS, warm=True)) for k in varied]


def _folds(y: npt.NDArray[Any], seed: int) -> Any:
    """Three folds; stratified where every class has enough rows."""
    if y.ndim == 1 and np.unique(y, return_counts=True)[1].min() >= 3:
        return StratifiedKFold(3, shuffle=True, random_state=seed)
    return KFold(min(3, len(y)), shuffle=True, random_state=seed)
