"""The choice of a rate: right on noisy curves, where the slope per unit of rate is known to fail."""

from __future__ import annotations

import numpy as np
import pytest

from upfit.errors import InputError, TrainingError
from upfit.techniques.range_test import choose_rate, smooth

RATES = np.geomspace(1e-7, 1.0, 80)
LOSSES = 0.3 + 2.0 / (1 + (RATES / 3e-3) ** 1.5) + np.minimum(8.0, (RATES / 0.15) ** 3)
"""Level, falling around 0.003, lowest around 0.05, rising from 0.15 on."""
RIGHT = choose_rate(RATES, LOSSES).rate


def per_unit_of_rate(rates, losses):
    """The formula in wide use: where the loss falls most per unit of rate."""
    return rates[np.argmin(np.gradient(losses, rates))]


def noisy(seed, sigma, repeats=1):
    return LOSSES + np.random.default_rng(seed).normal(scale=sigma, size=(repeats, len(RATES)))


def test_the_choice_lies_between_the_steepest_and_the_lowest_rate():
    found = choose_rate(RATES, LOSSES)
    assert found.steepest < found.rate < found.lowest < found.diverged
    assert found.lowest == pytest.approx(0.04, rel=0.5)
    assert found.rate == pytest.approx(0.01, rel=0.5)


def test_the_slope_per_unit_of_rate_fails_under_the_slightest_noise():
    """Why this module does not use it: noise of 0.001 sends it to the lowest rates that were tried."""
    assert per_unit_of_rate(RATES, LOSSES) > 1e-4
    picked = [per_unit_of_rate(RATES, noisy(seed, 0.001)[0]) for seed in range(50)]
    assert np.median(picked) < 1e-6
    assert np.mean(np.array(picked) < 1e-5) > 0.9


@pytest.mark.parametrize(("sigma", "repeats"), [(0.001, 1), (0.05, 1), (0.1, 3), (0.3, 5)])
def test_noise_leaves_the_choice_where_it_is(sigma, repeats):
    picked = np.array([choose_rate(RATES, noisy(seed, sigma, repeats)).rate for seed in range(50)])
    assert np.all(picked < 3 * RIGHT)
    assert np.all(picked > RIGHT / 3)


def test_other_units_of_the_loss_choose_the_same_rate():
    assert choose_rate(RATES, 7 * LOSSES).rate == pytest.approx(RIGHT, rel=0.02)


@pytest.mark.parametrize("broken", [np.nan, np.inf, 1e30])
def test_what_comes_after_divergence_does_not_count(broken):
    losses = np.repeat(LOSSES[None], 3, axis=0)
    losses[:, 75:] = broken
    found = choose_rate(RATES, losses)
    assert found.rate == pytest.approx(RIGHT, rel=0.05)
    assert np.isfinite(found.smoothed_N[:75]).all()


def test_one_repeat_that_diverges_early_does_not_decide():
    losses = noisy(0, 0.01, 3)
    losses[0, 30:] = np.nan
    assert choose_rate(RATES, losses).rate == pytest.approx(RIGHT, rel=0.2)


def test_a_curve_that_never_rises_has_not_diverged():
    assert choose_rate(RATES[:60], LOSSES[:60]).diverged is None


def test_lion_gets_a_quarter():
    assert choose_rate(RATES, LOSSES, optimizer="Lion").rate == pytest.approx(RIGHT / 4)


@pytest.mark.parametrize("level", [1.0, 0.0])
def test_a_loss_that_never_falls_has_no_rate(level):
    with pytest.raises(TrainingError, match="no rate at which the loss falls"):
        choose_rate(RATES, np.full(80, level))
    with pytest.raises(TrainingError, match="no rate at which the loss falls"):
        choose_rate(RATES, level + np.linspace(0, 1, 80) ** 2)


def test_a_loss_that_was_never_finite_is_refused():
    with pytest.raises(TrainingError, match="not finite at the lowest rates"):
        choose_rate(RATES, np.full((2, 80), np.nan))


@pytest.mark.parametrize(
    ("rates", "losses", "message"),
    [
        (RATES[:5], LOSSES[:5], "at least eight growing rates"),
        (RATES[::-1], LOSSES, "at least eight growing rates"),
        (RATES, LOSSES[:70], r"expected: \(R, 80\)"),
    ],
)
def test_rates_and_losses_have_to_fit(rates, losses, message):
    with pytest.raises(InputError, match=message):
        choose_rate(rates, losses)


def test_smoothing_keeps_a_level_and_halves_noise():
    assert smooth(np.full((3, 50), 2.0)) == pytest.approx(np.full(50, 2.0))
    rough = np.random.default_rng(0).normal(size=(1, 100))
    assert np.std(smooth(rough)) < 0.5 * np.std(rough)
