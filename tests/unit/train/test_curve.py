"""Subsets that a learning curve grows through."""

from __future__ import annotations

import numpy as np

from upfit.train.curve import nested_order

LABELS = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], [700, 200, 100]))


def test_every_beginning_has_the_class_shares_of_the_whole():
    order = nested_order(LABELS, seed=0)
    assert sorted(order.tolist()) == list(range(1000))
    for size in (10, 50, 333, 800):
        shares = np.bincount(LABELS[order[:size]], minlength=3) / size
        np.testing.assert_allclose(shares, [0.7, 0.2, 0.1], atol=2 / size)


def test_seeds_give_other_subsets_of_the_same_shares():
    first, second = (set(nested_order(LABELS, seed=seed)[:100].tolist()) for seed in (0, 1))
    assert len(first & second) < 40


def test_values_and_sets_of_labels_are_only_shuffled():
    values = np.linspace(0, 1, 50)
    assert sorted(nested_order(values, seed=0).tolist()) == list(range(50))
    assert sorted(nested_order(np.zeros((30, 4), np.int64), seed=0).tolist()) == list(range(30))
