"""The linear probe: a regularised linear model on frozen features, its strength cross-validated."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.metrics import log_loss
from sklearn.model_selection import KFold, StratifiedKFold
from threadpoolctl import threadpool_limits

from upfit.train.objective import Objective

Features = npt.NDArray[np.float32]
Weights = npt.NDArray[Any] | None
STRENGTHS = (0.003, 0.03, 0.3, 3.0)
ALPHAS = tuple(np.logspace(-1, 5, 13))
CV_ROWS = 3000
"""Rows that choosing the strength looks at; the final fit sees all."""
CV_WORK = 10**8
"""Rows x features x classes beyond which one fold has to do: more would take longer than it is worth."""


@dataclass(frozen=True, eq=False)
class Probe:
    """A fitted linear head: logits = features · weightᵀ + bias.

    Args:
        weight: (K, D).
        bias: (K,).
        strength: The regularisation chosen: C of the logistic regression, alpha of the ridge.
    """

    weight: Features
    bias: Features
    strength: float

    def logits(self, features_ND: Features) -> torch.Tensor:
        """(N, K)."""
        return torch.from_numpy(features_ND @ self.weight.T + self.bias)


@dataclass(frozen=True, eq=False)
class Rows:
    """Some rows with their targets and how much each counts."""

    x: Features
    y: npt.NDArray[Any]
    weights: Weights

    def at(self, chosen: npt.NDArray[Any]) -> Rows:
        """Some of these rows."""
        return Rows(self.x[chosen], self.y[chosen], None if self.weights is None else self.weights[chosen])

    def label(self, k: int) -> Rows:
        """The rows as they are for label k."""
        return Rows(self.x, self.y[:, k], None if self.weights is None else self.weights[:, k])


def fit_probe(
    features_ND: Features,
    targets: npt.NDArray[Any],
    objective: Objective,
    *,
    outputs: int,
    seed: int = 0,
    strength: float | None = None,
    weights: Weights = None,
) -> Probe:
    """Fit the probe of a task.

    Args:
        features_ND: (N, D) pooled features of the training rows.
        targets: Raw targets of the same rows: (N,) classes, (N, K) 0/1, or (N,) values.
        objective: The task with its units.
        outputs: K.
        seed: Decides the folds.
        strength: C of the logistic regression; cross-validated where missing. No effect on regression.
        weights: (N,) how much each row counts, (N, K) for multilabel; all alike where missing. No effect on
            regression.

    Returns:
        A probe on raw features. For fitting they are centred and divided by one number: dividing each by its
        own deviation would give the least informative directions the same say.
    """
    mean, scale = features_ND.mean(0), float(features_ND.std(0).mean()) + 1e-12
    standard = ((features_ND - mean) / scale).astype(np.float32)
    if objective.task == "regression":
        weight, bias, strength = _ridge(standard, objective.encode(targets))
    elif objective.task == "multilabel":
        weight, bias, strength = _labels(standard, targets, weights, seed, strength)
    else:
        weight, bias, strength = _classes(standard, targets, weights, outputs, seed, strength)
    folded = (weight / scale).astype(np.float32)
    return Probe(folded, (bias - folded @ mean).astype(np.float32), strength)


def _ridge(x: Features, y: npt.NDArray[Any]) -> tuple[Features, Features, float]:
    model = RidgeCV(alphas=ALPHAS).fit(x, y)
    return model.coef_[None, :], np.array([model.intercept_]), float(model.alpha_)


def _classes(
    x: Features, y: npt.NDArray[Any], weights: Weights, outputs: int, seed: int, strength: float | None
) -> tuple[Features, Features, float]:
    if strength is None:
        strength = _best_strength(x, y, weights, seed, _fold_loss)
    present, coef, intercept = _logistic(x, y, weights, strength)
    weight = np.zeros((outputs, x.shape[1]), np.float32)
    # A class without a training row gets a bias that all but rules it out.
    bias = np.full(outputs, float(intercept.min()) - 10.0, np.float32)
    weight[present], bias[present] = coef, intercept
    return weight, bias, strength


def _labels(
    x: Features, y_NK: npt.NDArray[Any], weights_NK: Weights, seed: int, strength: float | None
) -> tuple[Features, Features, float]:
    def fold_loss(learn: Rows, judge: Rows, strength: float) -> float:
        losses = [
            _fold_loss(learn.label(k), judge.label(k), strength)
            for k in range(min(8, learn.y.shape[1]))
            if 0 < learn.y[:, k].sum() < len(learn.y)
        ]
        return float(np.mean(losses)) if losses else 0.0

    if strength is None:
        strength = _best_strength(x, y_NK, weights_NK, seed, fold_loss)
    whole = Rows(x, y_NK, weights_NK)
    rows = [_one_label(whole.label(k), strength) for k in range(y_NK.shape[1])]
    return np.stack([w for w, _ in rows]), np.array([b for _, b in rows]), strength


def _one_label(rows: Rows, strength: float) -> tuple[Features, float]:
    """Weights of one label; a label that never varies keeps its logit constant."""
    if rows.y.min() == rows.y.max():
        return np.zeros(rows.x.shape[1], np.float32), 6.0 if rows.y[0] else -6.0
    _, coef, intercept = _logistic(rows.x, rows.y.astype(np.int64), rows.weights, strength)
    return 2 * coef[1], float(2 * intercept[1])


def _logistic(
    x: Features, y: npt.NDArray[Any], weights: Weights, strength: float, *, steps: int = 200
) -> tuple[npt.NDArray[Any], Features, Features]:
    """Classes present, their weights and biases; two classes get one row each, ± half the logit."""
    if y.min() == y.max():
        # A fold, or a very small training part, may hold a single class.
        return y[:1], np.zeros((1, x.shape[1]), np.float32), np.zeros(1, np.float32)
    # Many small products: with several threads the waiting costs twenty times the work.
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LogisticRegression(C=strength, max_iter=steps, tol=1e-3).fit(x, y, weights)
    coef, intercept = model.coef_, model.intercept_
    if len(coef) == 1:
        coef, intercept = np.vstack([-coef, coef]) / 2, np.concatenate([-intercept, intercept]) / 2
    return model.classes_, coef, intercept


def _fold_loss(learn: Rows, judge: Rows, strength: float) -> float:
    """Log-loss on a fold; classes that the fold's training part lacks are left out of it."""
    present, coef, intercept = _logistic(learn.x, learn.y, learn.weights, strength, steps=60)
    known = judge.at(np.isin(judge.y, present))
    if not len(known.y) or len(present) < 2 or (known.weights is not None and not known.weights.any()):
        return 0.0
    chances = torch.from_numpy(known.x @ coef.T + intercept).double().softmax(1).numpy()
    return float(log_loss(known.y, chances, labels=present, sample_weight=known.weights))


def _best_strength(
    x: Features, y: Any, weights: Weights, seed: int, fold_loss: Callable[[Rows, Rows, float], float]
) -> float:
    """The strength with the least mean log-loss over folds, on at most `CV_ROWS` rows."""
    rows = np.random.default_rng(seed).permutation(len(x))[:CV_ROWS]
    chosen = Rows(x, y, weights).at(rows)
    x, y = chosen.x, chosen.y
    splits = [(chosen.at(a), chosen.at(b)) for a, b in _folds(y, seed).split(x, y if y.ndim == 1 else None)]
    if x.size * len(np.unique(y)) > CV_WORK:
        splits = splits[:1]
    best, least = STRENGTHS[0], np.inf
    for strength in STRENGTHS:
        loss = float(np.mean([fold_loss(learn, judge, strength) for learn, judge in splits]))
        if loss > least:
            # Past the least loss it only grows, and weak regularisation is the slowest to fit.
            break
        best, least = strength, loss
    return best


def _folds(y: npt.NDArray[Any], seed: int) -> Any:
    """Three folds; stratified where every class has enough rows."""
    if y.ndim == 1 and np.unique(y, return_counts=True)[1].min() >= 3:
        return StratifiedKFold(3, shuffle=True, random_state=seed)
    return KFold(min(3, len(y)), shuffle=True, random_state=seed)
