"""Which evaluation's weights are kept."""

from __future__ import annotations

import pytest

from upfit.train.selection import is_better, level_within


def kept(evaluations, *, level):
    """Index of the evaluation that is kept of (value, loss) pairs."""
    best, peak, index = None, None, -1
    for number, (value, loss) in enumerate(evaluations):
        peak = value if peak is None else max(peak, value)
        if is_better(value, loss, best=best, peak=peak, level=level):
            best, index = (value, loss), number
    return index


NOISY = [(0.693, 0.905), (0.693, 0.784), (0.693, 0.778), (0.672, 0.860), (0.683, 0.886), (0.698, 0.877)]
"""A real run on labels of which a third are wrong: one lucky hit at the end, after the loss has risen."""


def test_a_lucky_hit_does_not_outweigh_a_loss_that_rose():
    assert kept(NOISY, level=level_within("accuracy", 0.698, 189)) == 2
    assert kept(NOISY, level=0.0) == 5


def test_a_clear_gain_is_taken_whatever_the_loss():
    assert kept([(0.70, 0.5), (0.80, 0.9)], level=0.02) == 1


def test_without_a_level_the_best_value_wins_and_ties_go_to_the_loss():
    assert kept([(0.7, 0.5), (0.8, 0.9), (0.8, 0.7), (0.8, 0.8)], level=0.0) == 2
    assert kept([(-3.0, 1.0), (-2.0, 2.0)], level=0.0) == 1


def test_slow_climbs_are_followed():
    climb = [(0.70 + 0.005 * k, 1.0 - 0.01 * k) for k in range(10)]
    assert kept(climb, level=0.02) == 9


def test_small_losses_do_not_lead_down_step_by_step():
    """Level means level with the peak, not with the last one kept."""
    descent = [(0.80 - 0.01 * k, 1.0 - 0.1 * k) for k in range(6)]
    assert kept(descent, level=0.015) == 1


@pytest.mark.parametrize(("count", "expected"), [(189, 0.0167), (1076, 0.0070), (20_000, 0.0016)])
def test_the_level_shrinks_with_the_examples(count, expected):
    assert level_within("accuracy", 0.7, count) == pytest.approx(expected, abs=1e-4)


def test_a_perfect_score_still_leaves_room_for_one_miss():
    assert 0 < level_within("accuracy", 1.0, 100) < 0.01


@pytest.mark.parametrize(("metric", "count"), [("r2", 100), ("log_loss", 100), ("accuracy", 0)])
def test_what_is_no_proportion_has_no_level(metric, count):
    assert level_within(metric, 0.7, count) == 0.0
