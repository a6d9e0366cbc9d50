"""Which runs of a tuned curve a budget affords."""

import pytest

from upfit.errors import InputError
from upfit.journey.curve_plan import CHOICES, CurveCosts, affordable_plan, plan_of, share

COSTS = CurveCosts(0.01, 100)
LEAST = [sum(COSTS.least(size) for _, size in plan_of(1600, *one).runs) for one in CHOICES]


def test_the_fullest_plan_that_fits_is_taken():
    assert sorted(LEAST, reverse=True) == LEAST
    for choice, needed in zip(CHOICES, LEAST, strict=True):
        plan = affordable_plan(1600, COSTS, left=needed + 1e-6)
        assert (len(plan.sizes), plan.repeats) == choice
        assert (plan.sizes[0], plan.sizes[-1]) == (200, 1600)


def test_what_is_left_out_is_said():
    assert plan_of(1600, 4, 2).left_out == ""
    said = affordable_plan(1600, COSTS, left=LEAST[-1]).left_out
    assert said.startswith("the budget affords 3 of 8 runs: 3 sizes instead of 4 and one run at each")
    assert "intervals" in said
    assert "intervals" not in plan_of(1600, 3, 2).left_out


def test_where_the_least_does_not_fit_its_cost_is_told():
    with pytest.raises(InputError, match="too short for a curve") as refused:
        affordable_plan(1600, COSTS, left=LEAST[-1] - 1, spent=1)
    assert f"--budget {10 * -int(-(LEAST[-1] + 1) // 10)}s" in str(refused.value)
    assert "3 runs that see each of 200 to 1,600 rows once" in str(refused.value)


def test_runs_that_are_finished_cost_nothing_more():
    done = set(plan_of(1600, 3, 1).runs)
    plan = affordable_plan(1600, COSTS, left=0.0, done=lambda *which: which in done)
    assert (len(plan.sizes), plan.repeats) == (3, 1)


def test_shares_add_up_to_what_is_left_and_each_run_gets_its_least():
    left, coming = 500.0, (200, 566, 1600)
    for place, size in enumerate(coming):
        mine = share(size, coming[place:], COSTS, left=left)
        assert mine >= COSTS.least(size)
        left -= mine
    assert left == pytest.approx(0.0)


def test_a_share_of_too_little_is_still_no_more_than_there_is():
    assert share(1600, (1600, 1600), COSTS, left=20.0) == pytest.approx(10.0)
