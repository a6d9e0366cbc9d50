"""A column that gives the target away is told from one of two values beside sorted targets."""

from __future__ import annotations

import numpy as np
import pytest

from upfit.diagnose.preflight.leaks import _correlation

SORTED = np.arange(200.0)


def test_two_values_in_turn_say_nothing_of_sorted_targets():
    assert _correlation(np.arange(200) % 2.0, SORTED) < 0.05


def test_order_counts_and_not_its_sign():
    assert _correlation(-np.exp(SORTED / 50), SORTED) == pytest.approx(1)


def test_a_constant_column_says_nothing():
    assert _correlation(np.ones(200), SORTED) == 0
