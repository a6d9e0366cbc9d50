"""The linear probe: a regularised linear model on frozen features, held as firmly as suits the rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.linear_model import RidgeCV

from upfit.train.firmness import Firmness, best_firmness
from upfit.train.logistic import Features, Rows, Weights, logistic
from upfit.train.objective import Objective

ALPHAS = tuple(np.logspace(-1, 5, 13))


@dataclass(frozen=True, eq=False)
class Probe:
    """A fitted linear head: logits = features · weightᵀ + bias.

    Args:
        weight: (K, D).
        bias: (K,).
        firmness: The regularisation, and how sure the answers were made.
    """

    weight: Features
    bias: Features
    firmness: Firmness

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
    firmness: Firmness | None = None,
    weights: Weights = None,
) -> Probe:
    """Fit the probe of a task.

    Args:
        features_ND: (N, D) pooled features of the training rows.
        targets: Raw targets of the same rows: (N,) classes, (N, K) 0/1, or (N,) values.
        objective: The task with its units.
        outputs: K.
        seed: Decides the folds.
        firmness: As another probe was held; cross-validated where missing. No effect on regression.
        weights: (N,) how much each row counts, (N, K) for multilabel; all alike where missing. No effect on
            regression.

    Returns:
        A probe on raw features. For fitting they are centred and divided by one number: dividing each by its
        own deviation would give the least informative directions the same say.
    """
    mean, scale = features_ND.mean(0), float(features_ND.std(0).mean()) + 1e-12
    standard = ((features_ND - mean) / scale).astype(np.float32)
    if objective.task == "regression":
        weight, bias, firmness = _ridge(standard, objective.encode(targets))
    else:
        rows = Rows(standard, targets, weights)
        firmness = firmness or best_firmness(rows, seed=seed)
        fit = _labels(rows, firmness) if objective.task == "multilabel" else _classes(rows, firmness, outputs)
        weight, bias = fit
    folded = (weight / scale).astype(np.float32)
    return Probe(folded, (bias - folded @ mean).astype(np.float32), firmness)


def _ridge(x: Features, y: npt.NDArray[Any]) -> tuple[Features, Features, Firmness]:
    model = RidgeCV(alphas=ALPHAS).fit(x, y)
    return model.coef_[None, :], np.array([model.intercept_]), Firmness(float(model.alpha_))


def _classes(rows: Rows, firmness: Firmness, outputs: int) -> tuple[Features, Features]:
    present, coef, intercept = logistic(rows, firmness.strength)
    coef, intercept = coef * firmness.factor, intercept * firmness.factor
    weight = np.zeros((outputs, rows.x.shape[1]), np.float32)
    # A class without a training row gets a bias that all but rules it out.
    bias = np.full(outputs, float(intercept.min()) - 10.0, np.float32)
    weight[present], bias[present] = coef, intercept
    return weight, bias


def _labels(rows: Rows, firmness: Firmness) -> tuple[Features, Features]:
    found = [_one_label(rows.label(k), firmness) for k in range(rows.y.shape[1])]
    return np.stack([weight for weight, _ in found]), np.array([bias for _, bias in found])


def _one_label(rows: Rows, firmness: Firmness) -> tuple[Features, float]:
    """Weights of one label; a label that never varies keeps its logit constant."""
    if rows.y.min() == rows.y.max():
        return np.zeros(rows.x.shape[1], np.float32), 6.0 if rows.y[0] else -6.0
    _, coef, intercept = logistic(rows, firmness.strength)
    return 2 * firmness.factor * coef[1], float(2 * firmness.factor * intercept[1])
