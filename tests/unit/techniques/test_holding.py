"""Holding a rate: overfitting is told from instability and from noise, and travel sets the rate."""

from __future__ import annotations

import numpy as np
import pytest

from upfit.techniques.holding import LOOKS, Hold, held_rates, hold_back

LOOKED = [5 * number for number in range(LOOKS + 1)]
STEPS = 5 * LOOKS


def held(curve, training, *, rate=0.1):
    """A hold whose losses are functions of how far it has travelled, in steps at the full rate."""
    far = np.cumsum(held_rates(rate, STEPS)) / rate
    at = np.concatenate([[0.0], far])[LOOKED]
    return Hold.of(rate, training(far), LOOKED, [float(curve(one)) for one in at])


def overfits(sigma=0.0, seed=0):
    random = np.random.default_rng(seed)
    return held(
        lambda far: 0.6 + ((far - 20) / 20) ** 2 * 0.5 + sigma * random.normal(),
        lambda far: np.exp(-far / 15) + sigma * random.normal(size=len(far)),
    )


def test_a_run_gets_just_as_far_as_the_held_out_loss_fell():
    found = overfits()
    assert found.turned == pytest.approx(2.0, rel=0.2)
    rate = hold_back(0.1, found, total=400)
    assert rate * 0.5 * 400 == pytest.approx(found.turned)
    assert hold_back(0.1, found, total=800) == pytest.approx(rate / 2)
    assert hold_back(0.1, found, total=400, mean=1.0) == pytest.approx(rate / 2)


def test_a_run_that_ends_before_it_overfits_keeps_its_rate():
    assert hold_back(0.1, overfits(), total=20) == 0.1


def test_noise_moves_the_turn_by_little():
    turns = [overfits(0.05, seed).turned for seed in range(20)]
    assert all(turn is not None for turn in turns)
    assert np.all(np.abs(np.array(turns) - 2.0) < 1.0)


@pytest.mark.parametrize(
    ("curve", "training"),
    [
        (lambda far: 0.5 + np.exp(-far / 15), lambda far: np.exp(-far / 15)),  # still falling
        (lambda far: 0.5 + np.exp(-far / 4), lambda far: np.exp(-far / 4)),  # flat at the end
        (lambda far: 0.6 + (far / 20 - 1) ** 2, lambda far: 0.6 + (far / 20 - 1) ** 2),  # unstable: both rise
        (lambda far: 1 + far / 10, lambda far: np.exp(-far / 15)),  # never fell
    ],
)
@pytest.mark.parametrize("sigma", [0.0, 0.02])
def test_what_is_no_overfitting_changes_nothing(curve, training, sigma):
    random = np.random.default_rng(1)
    found = held(lambda far: curve(far) + sigma * random.normal(), training)
    assert hold_back(0.1, found, total=10**6) == 0.1


def test_a_hold_that_broke_off_says_nothing():
    losses = np.full(STEPS, np.nan)
    losses[:12] = 2.0
    assert Hold.of(0.1, losses, [0, 5, 10], [2.0, 1.0, 3.0]).turned is None
    assert Hold.of(0.1, np.ones(STEPS), LOOKED, [2.0, *[np.inf] * LOOKS]).turned is None


def test_the_rate_rises_before_it_is_held():
    rates = held_rates(0.1, 20)
    assert rates[:3] == pytest.approx([0.05, 0.1, 0.1])
    assert held_rates(0.1, 5)[0] == pytest.approx(0.1)
