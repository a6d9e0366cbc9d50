"""How many labels are wrong, and which: true labels swapped by chance, fitted by likelihood.

A row was given the class that its features speak of or, with a chance that is estimated here, any other. That
chance and how sure the outputs may be (their temperature) are those under which the given labels are
likeliest. Without that chance, wrong labels would turn all probabilities flat, and they could hardly be told
from hard examples. On clean labels it comes out as nearly nothing, and hardly a row is suspected. Where
single pairs of classes are mistaken for each other, `label_confusions` finds which.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize, minimize_scalar
from scipy.special import log_softmax

from upfit.audit.label_confusions import label_confusions

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

POWERS = (-4.0, 6.0)
"""Powers of e that outputs may be multiplied with."""
TRIED = 21
"""Temperatures of the grid that the best is looked for beside: the likelihood has several peaks."""
RIGHT, MOST = 5, 0.5
"""Right labels believed to have been seen before any, so that no label is doubted where nothing speaks of it;
and the greatest share of wrong ones."""
MIX_ROWS = 3000
"""Rows that tell how much each of several models counts."""


@dataclass(frozen=True, eq=False)
class LabelNoise:
    """What was estimated of some rows.

    Args:
        share: Chance that a given label is wrong.
        beliefs_NK: (N, K) chance of each class to be the row's true one, given its label.
    """

    share: float
    beliefs_NK: Floats

    def doubted(self, labels: Labels) -> npt.NDArray[np.bool_]:
        """(N,) whether the given label is more likely wrong than right."""
        return np.asarray(self.beliefs_NK[np.arange(len(labels)), labels] < 0.5)


def label_noise(outputs_NK: Floats, labels: Labels, *, least: float = 0.0) -> LabelNoise:
    """Estimate how many labels are wrong, and what each row's true class may be.

    Args:
        outputs_NK: (N, K) logits, or outputs of a ridge classifier, of models that did not learn from a row.
        labels: (N,) given classes, 0 to K-1.
        least: Share of wrong labels that is believed before any was seen; above 0 all pairs of classes are
            taken to be mistaken for each other alike.

    Source: Bootkrajang and Kabán 2012, "Label-noise robust logistic regression" (labels swapped by chance,
    fitted by likelihood); Guo et al. 2017 (temperature).

    >>> rng = np.random.default_rng(0)
    >>> true = np.arange(600) % 3
    >>> given = np.where(rng.random(600) < 0.1, (true + 1) % 3, true)
    >>> found = label_noise(np.eye(3)[true] + 0.1 * rng.standard_normal((600, 3)), given)
    >>> bool(abs(found.share - (given != true).mean()) < 0.01)
    True
    >>> bool((found.doubted(given) == (given != true)).mean() > 0.99)
    True
    """
    count, classes = outputs_NK.shape
    rows = np.arange(count)
    factor = _factor(outputs_NK, labels, least)
    confused = label_confusions(outputs_NK, labels, factor) if not least else None
    if confused is not None:
        beliefs = confused.beliefs(outputs_NK, labels)
        return LabelNoise(float(1 - beliefs[rows, labels].mean()), beliefs)
    chances_NK = np.exp(log_softmax(outputs_NK * factor, axis=1))
    share = _loss(chances_NK[rows, labels], classes, least)[1]
    weighed = chances_NK * (share / (classes - 1))
    weighed[rows, labels] = chances_NK[rows, labels] * (1 - share)
    return LabelNoise(share, weighed / np.maximum(weighed.sum(1, keepdims=True), 1e-300))


def mixed(outputs: Sequence[Floats], labels: Labels) -> Floats:
    """(N, K) weighted sum of what several models say, so weighted that given labels are likeliest.

    The likelihood allows for wrong labels, and knows without a true one which models are to be believed: with
    a fifth of them wrong it ranks models as they find the wrong ones, on texts with five examples a class
    (means of classes), in a language that the encoder does not know (neighbours) and on digits (logistic
    regression).

    Args:
        outputs: Each (N, K), of models that did not learn from a row; in any unit.
        labels: (N,) given classes, 0 to K-1.

    Source: Wolpert 1992, "Stacked generalization"; Hinton 2002 (products of experts).

    >>> rng = np.random.default_rng(0)
    >>> labels = np.arange(90) % 3
    >>> guesses = rng.standard_normal((90, 3))
    >>> knows = np.eye(3)[labels] + 0.3 * rng.standard_normal((90, 3))
    >>> bool((mixed((guesses, knows), labels).argmax(1) == labels).mean() > 0.95)
    True
    """
    rows = np.random.default_rng(0).permutation(len(labels))[:MIX_ROWS]
    here, places = labels[rows], np.arange(len(rows))
    factors = [_factor(one[rows], here, 0.0) for one in outputs]
    sampled = np.stack([factor * one[rows] for factor, one in zip(factors, outputs, strict=True)])

    def loss(weights: Floats) -> float:
        logs = log_softmax(np.tensordot(np.abs(weights), sampled, 1), axis=1)
        return _loss(np.exp(logs[places, here]), sampled.shape[2], 0.0)[0]

    models = len(outputs)
    starts = [*(0.9 * np.eye(models) + 0.05), np.full(models, 1 / models)]
    options = {"maxiter": 80 * models, "xatol": 0.02, "fatol": 1e-5}
    found = minimize(loss, min(starts, key=loss), method="Nelder-Mead", options=options)
    pairs = zip(np.abs(found.x) * factors, outputs, strict=True)
    return np.asarray(sum(weight * one for weight, one in pairs), np.float64)


def _factor(outputs_NK: Floats, labels: Labels, least: float) -> float:
    """What outputs are to be multiplied with, so that the given labels are likeliest."""
    rows, classes = np.arange(len(labels)), outputs_NK.shape[1]

    def loss(power: float) -> float:
        logs = log_softmax(outputs_NK * np.exp(power), axis=1)
        return _loss(np.exp(logs[rows, labels]), classes, least)[0]

    grid = np.linspace(*POWERS, TRIED)
    nearest = grid[int(np.argmin([loss(power) for power in grid]))]
    step = grid[1] - grid[0]
    found = minimize_scalar(
        loss, bounds=(nearest - step, nearest + step), method="bounded", options={"xatol": 0.02}
    )
    return float(np.exp(found.x))


def logits_of(chances_NK: Floats) -> Floats:
    """Logarithms of probabilities, none of them infinite."""
    return np.asarray(np.log(np.maximum(chances_NK, 1e-12)), np.float64)


def _loss(own: Floats, classes: int, least: float) -> tuple[float, float]:
    """(mean negative log-likelihood of given labels, the chance of a wrong one at which it is least).

    It is concave in that chance, so that its slope is followed by halving.
    """
    other = (1 - own) / (classes - 1)
    low, high = least, max(least, min(MOST, 0.95 * (classes - 1) / classes))
    for _ in range(30):
        middle = (low + high) / 2
        slope = float(((other - own) / np.maximum(own + middle * (other - own), 1e-12)).sum())
        slope -= RIGHT / (1 - middle)
        low, high = (middle, high) if slope > 0 else (low, middle)
    share = (low + high) / 2
    told = np.log(np.maximum(own + share * (other - own), 1e-12)).sum() + RIGHT * np.log(1 - share)
    return -float(told) / len(own), share
