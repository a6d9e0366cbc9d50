"""What a ridge classifier that learnt without a row says about it: in closed form, for all rows at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from upfit.train.logistic import Features

Floats = npt.NDArray[np.float64]
ALPHAS = tuple(np.logspace(0, 6, 13))
"""Penalties that are tried, for features of unit spread."""


def leave_one_out(features_ND: Features, labels: npt.NDArray[np.int64], *, classes: int) -> Floats:
    """(N, K) outputs of a ridge regression on one-hot labels, each row's from a fit without that row.

    Of a linear smoother with leverages h the residual left out is r / (1 - h), exactly. The penalty is the
    one whose answers agree most often with the labels. All from one eigendecomposition.

    Args:
        features_ND: (N, D).
        labels: (N,) 0 to K-1.
        classes: K.

    Source: Hastie, Tibshirani, Friedman 2009, "The Elements of Statistical Learning", equation 7.64.

    >>> rng = np.random.default_rng(0)
    >>> labels = np.arange(60) % 3
    >>> points = np.eye(3)[labels] + 0.1 * rng.standard_normal((60, 3))
    >>> bool((leave_one_out(points, labels, classes=3).argmax(1) == labels).all())
    True
    """
    count = len(labels)
    centred = features_ND - features_ND.mean(0)
    centred = centred / (float(centred.std(0).mean()) + 1e-12)
    values, vectors = np.linalg.eigh((centred.T @ centred).astype(np.float64))
    turned_ND = centred @ vectors.astype(centred.dtype)
    one_hot = np.eye(classes)[labels]
    residuals = one_hot - one_hot.mean(0)
    pulled_DK = turned_ND.T @ residuals
    best, most = np.empty((0, 0)), -1.0
    for alpha in ALPHAS:
        shrunk = 1 / (np.maximum(values, 0) + alpha)
        fitted = turned_ND @ (shrunk[:, None] * pulled_DK)
        # The mean is fitted too: it gives every row a leverage of 1/N more.
        leverage = (1 / count + (turned_ND**2) @ shrunk)[:, None]
        left_out = one_hot - (residuals - fitted) / np.maximum(1 - leverage, 1e-6)
        agree = float((left_out.argmax(1) == labels).mean())
        if agree > most:
            best, most = np.asarray(left_out, np.float64), agree
    return best
