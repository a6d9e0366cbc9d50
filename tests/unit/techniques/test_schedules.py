"""Schedules against their formulas, their lengths in every unit, and the edges of short runs."""

from __future__ import annotations

import math
from typing import get_args

import pytest

from upfit.errors import RecipeError
from upfit.techniques.schedules import SCHEDULES, multiplier
from upfit.techniques.schedules.plateau import cut_on_plateau
from upfit.values import Change, Recipe
from upfit.values.recipe import Schedule

FALLING = ("linear", "polynomial", "cosine", "cosine_restarts", "one_cycle", "wsd")


def rates(total, **settings):
    schedule = Schedule(**settings)
    return [multiplier(schedule, step, total, per_epoch=10) for step in range(total)]


def test_every_name_that_a_recipe_takes_has_its_schedule():
    assert set(get_args(Schedule.model_fields["name"].annotation)) == set(SCHEDULES)


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_full_rate_is_reached_where_the_warm_up_ends_and_never_exceeded(name):
    made = rates(100, name=name, warmup=0.2)
    assert made[20] == 1
    assert max(made) == 1
    assert made[:21] == sorted(made[:21])
    assert 0 < made[0] < 0.1


@pytest.mark.parametrize("name", FALLING)
@pytest.mark.parametrize("floor", [0.0, 0.25])
def test_decays_come_down_to_the_floor(name, floor):
    last = multiplier(Schedule(name=name, warmup=0.0, floor=floor), 100, 100)
    assert last == pytest.approx(floor, abs=1e-5)


@pytest.mark.parametrize("name", ["step", "multi_step", "exponential"])
def test_factors_never_go_below_the_floor(name):
    assert min(rates(100, name=name, floor=0.05)[50:]) == 0.05


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("total", [1, 2, 3])
@pytest.mark.parametrize("warmup", [0.0, 0.1, 0.9, "40 steps", "3 epochs"])
def test_the_shortest_runs_have_a_rate_too(name, total, warmup):
    assert all(0 < rate <= 1 for rate in rates(total, name=name, warmup=warmup))


def test_a_schedule_rises_in_a_line_and_falls_in_a_cosine():
    made = rates(100, warmup=0.1)
    assert made[:10] == pytest.approx([(k + 1) / 11 for k in range(10)])
    assert made[10:] == pytest.approx([0.5 * (1 + math.cos(math.pi * k / 90)) for k in range(90)])


def test_a_warm_up_may_rise_in_half_a_cosine():
    made = rates(100, warmup=0.1, warmup_shape="cosine")
    assert made[:10] == pytest.approx([0.5 * (1 - math.cos(math.pi * (k + 1) / 11)) for k in range(10)])
    assert made[10:] == rates(100, warmup=0.1)[10:]


def test_without_warm_up_the_first_step_has_the_full_rate():
    assert rates(100, warmup=0.0)[0] == 1


@pytest.mark.parametrize("same", ["20 steps", "1 step", "2 epochs", "1.5 epochs"])
def test_a_length_in_steps_or_epochs_is_that_fraction_of_the_run(same):
    number, unit = same.split()
    steps = float(number) * (10 if unit.startswith("epoch") else 1)
    assert rates(200, warmup=same) == rates(200, warmup=steps / 200)
    assert rates(200, name="step", every=same) == rates(200, name="step", every=steps / 200)
    assert rates(200, name="multi_step", milestones=(same,)) == rates(
        200, name="multi_step", milestones=(steps / 200,)
    )


def test_a_longer_run_keeps_a_warm_up_in_steps():
    assert rates(100, warmup="10 steps")[:11] == rates(1000, warmup="10 steps")[:11]
    assert rates(100, warmup=0.1)[:11] != rates(1000, warmup=0.1)[:11]


def test_restarts_are_cosines_in_a_row_and_one_cycle_of_them_is_a_cosine():
    assert rates(70, name="cosine_restarts", cycles=1, warmup=0.0) == rates(70, name="cosine", warmup=0.0)
    made = rates(70, name="cosine_restarts", cycles=3, growth=2.0, warmup=0.0)
    assert [step for step, rate in enumerate(made) if rate == 1] == [0, 10, 30]
    assert made[:10] == pytest.approx(rates(10, name="cosine", warmup=0.0))


def test_restarts_that_grow_beyond_all_numbers_still_end_with_the_run():
    made = rates(20, name="cosine_restarts", cycles=300, growth=1e300, warmup=0.0)
    assert made == pytest.approx(rates(20, name="cosine", warmup=0.0))


def test_warmup_stable_decay_is_flat_and_then_falls():
    made = rates(100, name="wsd", warmup=0.1, decay=0.2)
    assert set(made[10:81]) == {1.0}
    assert made[85] == pytest.approx(1 - math.sqrt(5 / 20))


def test_a_plateau_cuts_after_more_than_its_patience_and_counts_anew():
    schedule = Schedule(name="plateau", factor=0.5, patience=1, floor=0.2)
    state, seen = (1.0, 0), []
    for better in (True, False, False, False, True, False, False, False, False, False, False):
        state = cut_on_plateau(*state, better=better, schedule=schedule)
        seen.append(state[0])
    assert seen == [1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.2, 0.2, 0.2]
    assert multiplier(schedule, 50, 100, plateau_factor=0.25) == 0.25


@pytest.mark.parametrize(
    ("path", "to", "message"),
    [
        ("schedule.name", "cosin", "did you mean 'cosine'?"),
        ("schedule.name", "warm_restarts", "'cosine_restarts'"),
        ("schedule.warmup", "200 stps", "a text such as '200 steps' or '1.5 epochs'; got '200 stps'"),
        ("schedule.every", 0, "schedule.every: input should be greater than 0"),
        ("schedule.milestones", [0.5, "soon"], "a length is a fraction of the run"),
        ("schedule.factor", 1.0, "schedule.factor: input should be less than 1"),
        ("schedule.growth", 0.5, "schedule.growth"),
        ("schedule.wramup", 0.1, "try:      schedule.warmup"),
    ],
)
def test_a_wrong_setting_is_explained(path, to, message):
    with pytest.raises(RecipeError) as refused:
        Recipe().apply(Change(path=path, to=to))
    assert message in str(refused.value)
