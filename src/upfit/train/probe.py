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


def fit_probe(
    features_ND: Features,
    targets: npt.NDArray[Any],
    objective: Objective,
    *,
    outputs: int,
    seed: int = 0,
    strength: float | None = None,
) -> Probe:
    """Fit the probe of a task.

    Args:
        features_ND: (N, D) pooled features of the training rows.
        targets: Raw targets of the same rows: (N,) classes, (N, K) 0/1, or (N,) values.
        objective: The task with its units.
        outputs: K.
        seed: Decides the folds.
        strength: C of the logistic regression; cross-validated where missing. No effect on regression.

    Returns:
        A probe on raw features. For fitting they are centred and divided by one number: dividing each by its
        own deviation would give the least informative directions the same say.
    """
    mean, scale = features_ND.mean(0), float(features_ND.std(0).mean()) + 1e-12
    standard = ((features_ND - mean) / scale).astype(np.float32)
    if objective.task == "regression":
        weight, bias, strength = _ridge(standard, objective.encode(targets))
    elif objective.task == "multilabel":
        weight, bias, strength = _labels(standard, targets, seed, strength)
    else:
        weight, bias, strength = _classes(standard, targets, outputs, seed, strength)
    folded = (weight / scale).astype(np.float32)
    return Probe(folded, (bias - folded @ mean).astype(np.float32), strength)


def _ridge(x: Features, y: npt.NDArray[Any]) -> tuple[Features, Features, float]:
    model = RidgeCV(alphas=ALPHAS).fit(x, y)
    return model.coef_[None, :], np.array([model.intercept_]), float(model.alpha_)


def _classes(
    x: Features, y: npt.NDArray[Any], outputs: int, seed: int, strength: float | None
) -> tuple[Features, Features, float]:
    if strength is None:
        strength = _best_strength(x, y, seed, _fold_loss)
    present, coef, intercept = _logistic(x, y, strength)
    weight = np.zeros((outputs, x.shape[1]), np.float32)
    # A class without a training row gets a bias that all but rules it out.
    bias = np.full(outputs, float(intercept.min()) - 10.0, np.float32)
    weight[present], bias[present] = coef, intercept
    return weight, bias, strength


def _labels(
    x: Features, y_NK: npt.NDArray[Any], seed: int, strength: float | None
) -> tuple[Features, Features, float]:
    def fold_loss(model_x: Features, model_y: Any, test_x: Features, test_y: Any, strength: float) -> float:
        losses = [
            _fold_loss(model_x, model_y[:, k], test_x, test_y[:, k], strength)
            for k in range(min(8, model_y.shape[1]))
            if 0 < model_y[:, k].sum() < len(model_y)
        ]
        return float(np.mean(losses)) if losses else 0.0

    if strength is None:
        strength = _best_strength(x, y_NK, seed, fold_loss)
    rows = [_one_label(x, y_NK[:, k], strength) for k in range(y_NK.shape[1])]
    return np.stack([w for w, _ in rows]), np.array([b for _, b in rows]), strength


def _one_label(x: Features, y: npt.NDArray[Any], strength: float) -> tuple[Features, float]:
    """Weights of one label; a label that never varies keeps its logit constant."""
    if y.min() == y.max():
        return np.zeros(x.shape[1], np.float32), 6.0 if y[0] else -6.0
    _, coef, intercept = _logistic(x, y.astype(np.int64), strength)
    return 2 * coef[1], float(2 * intercept[1])


def _logistic(
    x: Features, y: npt.NDArray[Any], strength: float, *, steps: int = 200
) -> tuple[npt.NDArray[Any], Features, Features]:
    """Classes present, their weights and biases; two classes get one row each, ± half the logit."""
    if y.min() == y.max():
        # A fold, or a very small training part, may hold a single class.
        return y[:1], np.zeros((1, x.shape[1]), np.float32), np.zeros(1, np.float32)
    # Many small products: with several threads the waiting costs twenty times the work.
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LogisticRegression(C=strength, max_iter=steps, tol=1e-3).fit(x, y)
    coef, intercept = model.coef_, model.intercept_
    if len(coef) == 1:
        coef, intercept = np.vstack([-coef, coef]) / 2, np.concatenate([-intercept, intercept]) / 2
    return model.classes_, coef, intercept


def _fold_loss(x: Features, y: Any, test_x: Features, test_y: Any, strength: float) -> float:
    """Log-loss on a fold; classes that the fold's training part lacks are left out of it."""
    present, coef, intercept = _logistic(x, y, strength, steps=60)
    known = np.isin(test_y, present)
    if not known.any() or len(present) < 2:
        return 0.0
    logits = torch.from_numpy(test_x[known] @ coef.T + intercept)
    return float(log_loss(test_y[known], logits.double().softmax(1).numpy(), labels=present))


def _best_strength(x: Features, y: Any, seed: int, fold_loss: Callable[..., float]) -> float:
    """The strength with the least mean log-loss over folds, on at most `CV_ROWS` rows."""
    rows = np.random.default_rng(seed).permutation(len(x))[:CV_ROWS]
    x, y = x[rows], y[rows]
    splits = list(_folds(y, seed).split(x, y if y.ndim == 1 else None))
    if x.size * len(np.unique(y)) > CV_WORK:
        splits = splits[:1]
    best, least = STRENGTHS[0], np.inf
    for strength in STRENGTHS:
        loss = float(np.mean([fold_loss(x[a], y[a], x[b], y[b], strength) for a, b in splits]))
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
