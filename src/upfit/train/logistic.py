"""Logistic regression of rows that may count differently: scikit-learn's, with one thread."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

Features = npt.NDArray[np.float32]
Weights = npt.NDArray[Any] | None


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
        weights = None if self.weights is None else self.weights[:, k]
        return Rows(self.x, self.y[:, k].astype(np.int64), weights)


def model_of(*, steps: int, warm: bool = False) -> LogisticRegression:
    """What is fitted in so many iterations; a warm one goes on from where its last fit ended."""
    return LogisticRegression(max_iter=steps, tol=1e-3, warm_start=warm)


def logistic(
    rows: Rows, strength: float, *, model: LogisticRegression | None = None
) -> tuple[npt.NDArray[Any], Features, Features]:
    """Classes present, their weights and biases; two classes get one row each, ± half the logit.

    Args:
        rows: Features of about unit spread, targets 0 to K-1.
        strength: C: the smaller, the firmer the weights are held near nothing.
        model: What is fitted, from `model_of`; a new one of 200 iterations where missing.
    """
    x, y = rows.x, rows.y
    if y.min() == y.max():
        # A fold, or a very small training part, may hold a single class.
        return y[:1], np.zeros((1, x.shape[1]), np.float32), np.zeros(1, np.float32)
    # Many small products: with several threads the waiting costs twenty times the work.
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = (model or model_of(steps=200)).set_params(C=strength).fit(x, y, rows.weights)
    coef, intercept = model.coef_, model.intercept_
    if len(coef) == 1:
        coef, intercept = np.vstack([-coef, coef]) / 2, np.concatenate([-intercept, intercept]) / 2
    return model.classes_, coef, intercept
