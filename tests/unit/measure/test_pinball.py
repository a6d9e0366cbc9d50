"""Pinball loss as a metric with a level in its name: against scikit-learn, and beside the others."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import mean_pinball_loss

from upfit.errors import RecipeError
from upfit.measure import evidence, higher_is_better, metrics, paired_gain
from upfit.measure.metrics import family_of
from upfit.measure.pinball import pinball_level, pinball_name

RNG = np.random.default_rng(0)
VALUES = RNG.normal(size=80)
SCORES = (VALUES + RNG.normal(size=80))[:, None]


@pytest.mark.parametrize("level", [0.025, 0.1, 0.5, 0.9])
def test_it_is_scikit_learns(level):
    name = pinball_name(level)
    found = metrics("regression", SCORES, VALUES, also=name)
    assert found[name] == pytest.approx(mean_pinball_loss(VALUES, SCORES[:, 0], alpha=level))
    estimate = evidence("regression", SCORES, VALUES, also=name)[name]
    assert 0 < estimate.low < estimate.value < estimate.high
    assert estimate.value == pytest.approx(found[name])
    assert pinball_level(name) == pytest.approx(level)


def test_it_comes_only_where_it_is_asked_for():
    assert not [name for name in metrics("regression", SCORES, VALUES) if "pinball" in name]
    assert "rmse" in metrics("regression", SCORES, VALUES, also="pinball_90")


def test_answers_moved_to_the_quantile_are_the_better_ones():
    moved = SCORES + np.quantile(VALUES - SCORES[:, 0], 0.9)
    assert paired_gain("regression", "pinball_90", moved, SCORES, VALUES).low > 0
    assert not higher_is_better("pinball_90")


@pytest.mark.parametrize("name", ["pinball", "pinball_0", "pinball_100", "pinball_x", "pinball_-5"])
def test_a_level_lies_between_0_and_100(name):
    assert pinball_level(name) is None
    with pytest.raises(RecipeError, match="no metric"):
        higher_is_better(name)


def test_classes_have_no_quantiles():
    with pytest.raises(RecipeError, match="a binary task has no metric 'pinball_90'"):
        family_of("binary", "pinball_90")
