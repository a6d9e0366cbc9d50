"""Our schedules against those of torch and transformers, over whole runs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler
from transformers import get_cosine_schedule_with_warmup, get_linear_schedule_with_warmup, get_wsd_schedule

from upfit.techniques.schedules import multiplier
from upfit.techniques.schedules.plateau import cut_on_plateau
from upfit.values.recipe import Schedule

TOTAL = 70


def optimizer():
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)


def theirs(make, total=TOTAL):
    made = optimizer()
    scheduler, rates = make(made), []
    for _ in range(total):
        rates.append(made.param_groups[0]["lr"])
        made.step()
        scheduler.step()
    return rates


def ours(total=TOTAL, **settings):
    schedule = Schedule(**{"warmup": 0.0, **settings})
    return [multiplier(schedule, step, total, per_epoch=10) for step in range(total)]


CASES = {
    "constant": ({}, lambda o: lr_scheduler.ConstantLR(o, factor=1.0)),
    "step": ({"every": "20 steps", "factor": 0.5}, lambda o: lr_scheduler.StepLR(o, 20, gamma=0.5)),
    "multi_step": (
        {"milestones": ("7 steps", "3 epochs", 0.5), "factor": 0.3},
        lambda o: lr_scheduler.MultiStepLR(o, [7, 30, 35], gamma=0.3),
    ),
    "exponential": ({"every": "1 step", "factor": 0.95}, lambda o: lr_scheduler.ExponentialLR(o, 0.95)),
    "linear": (
        {"floor": 0.1},
        lambda o: lr_scheduler.LinearLR(o, start_factor=1.0, end_factor=0.1, total_iters=TOTAL),
    ),
    "polynomial": ({"power": 3.0}, lambda o: lr_scheduler.PolynomialLR(o, TOTAL, power=3.0)),
    "cosine": ({"floor": 0.2}, lambda o: lr_scheduler.CosineAnnealingLR(o, TOTAL, eta_min=0.2)),
    "cosine_restarts": (
        {"cycles": 3, "growth": 2.0, "floor": 0.05},
        lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, T_0=10, T_mult=2, eta_min=0.05),
    ),
    # Torch counts the last step of a phase to it, we to the next: one step more makes them meet.
    "one_cycle": (
        {"warmup": "21 steps", "warmup_shape": "cosine"},
        lambda o: lr_scheduler.OneCycleLR(
            o, 1.0, total_steps=TOTAL + 1, pct_start=22 / (TOTAL + 1), cycle_momentum=False
        ),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_schedule_is_that_of_torch(name):
    settings, make = CASES[name]
    assert np.allclose(ours(name=name, **settings), theirs(make), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(
    ("settings", "make"),
    [
        ({"name": "linear"}, lambda o: get_linear_schedule_with_warmup(o, 10, TOTAL)),
        ({"name": "cosine"}, lambda o: get_cosine_schedule_with_warmup(o, 10, TOTAL)),
        (
            {"name": "wsd", "decay": "20 steps"},
            lambda o: get_wsd_schedule(
                o, 10, 20, num_training_steps=TOTAL, decay_type="1-sqrt", min_lr_ratio=0.0
            ),
        ),
    ],
)
def test_after_the_warm_up_a_schedule_is_that_of_transformers(settings, make):
    """Theirs begins at a rate of zero, ours at the first of even rises."""
    mine, others = ours(warmup="10 steps", **settings), theirs(make)
    assert np.allclose(mine[10:], others[10:], atol=1e-9)
    assert np.allclose(mine[:10], [(step + 1) / 11 for step in range(10)])
    assert np.allclose(others[:10], [step / 10 for step in range(10)])


@pytest.mark.parametrize("seed", range(5))
def test_a_plateau_is_that_of_torch(seed):
    values = np.random.default_rng(seed).normal(size=60).cumsum()
    schedule = Schedule(name="plateau", factor=0.5, patience=2, floor=1e-3)
    made = optimizer()
    scheduler = lr_scheduler.ReduceLROnPlateau(
        made, mode="max", factor=0.5, patience=2, threshold=0.0, threshold_mode="abs", min_lr=1e-3
    )
    state, best = (1.0, 0), -np.inf
    for value in values:
        state = cut_on_plateau(*state, better=value > best, schedule=schedule)
        best = max(best, value)
        scheduler.step(value)
        assert state[0] == pytest.approx(made.param_groups[0]["lr"])
