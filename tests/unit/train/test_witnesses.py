"""Witnesses answer without the row's own label."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits

from upfit.audit.label_noise import mixed
from upfit.audit.scaling import of_unit_spread
from upfit.train import witnesses as module
from upfit.train.witnesses import of_neighbours, to_means, witnesses

X, Y = load_digits(return_X_y=True)
X, Y = of_unit_spread(X[:300]).astype(np.float32), Y[:300]
DIRECTIONS = X / np.linalg.norm(X, axis=1, keepdims=True)
VOTES = np.eye(10, dtype=np.float32)[Y]


def test_each_knows_most_digits():
    assert [float((one.argmax(1) == Y).mean()) > 0.8 for one in witnesses(X, Y)] == [True] * 3


@pytest.mark.parametrize("witness", [to_means, of_neighbours])
def test_a_rows_own_label_does_not_count(witness):
    other = VOTES.copy()
    other[7] = np.eye(10)[(Y[7] + 1) % 10]
    before, after = witness(DIRECTIONS, VOTES)[7], witness(DIRECTIONS, other)[7]
    np.testing.assert_allclose(before, after, atol=1e-5)


def test_means_are_those_of_the_other_rows():
    mine = np.flatnonzero((Y[0] == Y) & (np.arange(len(Y)) > 0))
    mean = DIRECTIONS[mine].sum(0)
    expected = DIRECTIONS[0] @ mean / np.linalg.norm(mean)
    assert to_means(DIRECTIONS, VOTES)[0, Y[0]] == pytest.approx(expected, abs=1e-5)


def test_neighbours_are_the_same_in_pieces(monkeypatch):
    whole = of_neighbours(DIRECTIONS, VOTES)
    monkeypatch.setattr(module, "CHUNK", 70)
    np.testing.assert_allclose(of_neighbours(DIRECTIONS, VOTES), whole, atol=1e-5)


def test_many_rows_are_asked_in_closed_form(monkeypatch):
    monkeypatch.setattr(module, "WORK", 0)
    monkeypatch.setattr(module, "MOST_ROWS", 0)
    ridge, means = witnesses(X, Y)
    assert (ridge.argmax(1) == Y).mean() > 0.8
    assert means.shape == (300, 10)


def test_who_knows_nothing_is_not_believed():
    knows = np.eye(10)[Y]
    noise = np.random.default_rng(0).standard_normal((len(Y), 10))
    both = mixed((noise, knows), Y)
    assert (both.argmax(1) == Y).mean() > 0.99
