"""The fit finds the law that made the points, and its intervals hold what comes."""

from __future__ import annotations

import numpy as np
import pytest

from upfit.measure.power_law import fit_power_law, forecasts

SIZES = np.geomspace(50, 1600, 7)


@pytest.mark.parametrize("law", [(0.0, 1.5, 0.4), (0.1, 2.0, 0.5), (0.05, 1.0, 0.3)])
def test_a_law_is_continued(law):
    floor, scale, exponent = law
    fitted = fit_power_law(SIZES, (floor + scale * SIZES**-exponent)[None])
    assert fitted.at(6400)[0] == pytest.approx(floor + scale * 6400**-exponent, abs=0.01)


def test_a_flat_curve_promises_nothing():
    fitted = fit_power_law(SIZES, np.full((1, 7), 0.2))
    assert fitted.at(6400)[0] == pytest.approx(0.2)


def test_errors_are_never_below_zero():
    fitted = fit_power_law(SIZES, np.maximum(0.3 - 0.01 * np.arange(7.0), 0)[None])
    assert fitted.at(1e9)[0] >= 0


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    hits = 0
    for seed in range(15):
        rng = np.random.default_rng(seed)
        rates = 0.08 + 1.2 * SIZES**-0.45
        difficulty = rng.random((1, 1, 500))
        losses = (difficulty * 0.8 + 0.2 * rng.random((7, 5, 500)) < rates[:, None, None]).astype(float)
        (ahead,) = forecasts(SIZES, losses, (3200,), resamples=100)
        later = 0.08 + 1.2 * 3200**-0.45
        true = float((difficulty * 0.8 + 0.2 * rng.random((1, 5, 500)) < later).mean())
        hits += ahead.error_80.low <= true <= ahead.error_80.high
    assert hits >= 10


def test_gains_are_the_difference_from_now():
    losses = np.broadcast_to((0.1 + 2 * SIZES**-0.5)[:, None, None], (7, 5, 100))
    twice, four = forecasts(SIZES, losses, (3200, 6400))
    assert 0 < twice.gain.value < four.gain.value
    assert twice.gain.low <= twice.gain.value <= twice.gain.high
