"""Leaving each row out in closed form is leaving it out."""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import Ridge

from upfit.train import leave_one_out as module
from upfit.train.leave_one_out import leave_one_out

X, Y = load_digits(n_class=4, return_X_y=True)
X, Y = X[:80].astype(np.float32), Y[:80]


def test_it_is_fitting_without_each_row(monkeypatch):
    monkeypatch.setattr(module, "ALPHAS", (30.0,))
    scaled = (X - X.mean(0)) / (X.std(0).mean() + 1e-12)
    slow = np.empty((len(Y), 4))
    for row in range(len(Y)):
        others = np.arange(len(Y)) != row
        model = Ridge(alpha=30.0).fit(scaled[others], np.eye(4)[Y[others]])
        slow[row] = model.predict(scaled[row : row + 1])
    np.testing.assert_allclose(leave_one_out(X, Y, classes=4), slow, atol=1e-4)


def test_a_row_does_not_speak_for_its_own_label():
    wrong = Y.copy()
    wrong[:5] = (Y[:5] + 1) % 4
    answers = leave_one_out(X, wrong, classes=4).argmax(1)
    assert (answers[:5] == Y[:5]).mean() >= 0.8
