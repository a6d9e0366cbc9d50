"""Plans, pace, objective and precision: what is decided before and during a run."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from torch import nn

from upfit.errors import RecipeError
from upfit.journey.machine import measured_rates
from upfit.models import load_backbone
from upfit.train import precision
from upfit.train.objective import Objective
from upfit.train.pace import Pace
from upfit.train.settle import Costs, make_plan, settle, settle_own, settle_techniques, wanted_epochs
from upfit.train.stages import probe_stage
from upfit.train.timing import Clock
from upfit.values import Change, Recipe
from upfit.values.recipe import Loss


def recipe(**more):
    fields = {"stopping.epochs": 4.0, **{name.replace("__", "."): value for name, value in more.items()}}
    return Recipe().apply(*(Change(path=path, to=to) for path, to in fields.items()))


def costs(left=None, step=0.1, evaluation=0.5):
    return Costs(step=step, evaluation=evaluation, left=left)


def test_without_a_limit_the_recipe_decides():
    plan = make_plan(recipe(), per_epoch=25, costs=costs())
    assert (plan.total_steps, plan.wanted_steps, plan.deadline) == (100, 100, None)


def test_without_a_limit_the_clock_has_no_say():
    fast, slow = costs(step=0.001, evaluation=0.001), costs(step=0.001, evaluation=100.0)
    one, other = (make_plan(recipe(), per_epoch=25, costs=given) for given in (fast, slow))
    assert (one.total_steps, one.evaluate_every) == (other.total_steps, other.evaluate_every)


def test_steps_come_before_epochs():
    assert make_plan(recipe(stopping__steps=7), per_epoch=25, costs=costs()).total_steps == 7


@pytest.mark.parametrize("left", [3.0, 5.0, 9.0])
def test_a_plan_fits_the_time_that_is_left(left):
    plan = make_plan(recipe(), per_epoch=25, costs=costs(left=left))
    evaluations = -(-plan.total_steps // plan.evaluate_every)
    assert plan.total_steps < plan.wanted_steps == 100
    assert plan.total_steps * 0.1 + evaluations * 0.5 <= left * 1.1


def test_too_little_time_is_no_plan_unless_a_single_step_is_worth_it():
    assert make_plan(recipe(), per_epoch=25, costs=costs(left=0.6)) is None
    assert make_plan(recipe(), per_epoch=25, costs=costs(left=-5.0)) is None
    assert make_plan(recipe(), per_epoch=25, costs=costs(left=0.6), least=1).total_steps == 1


def test_as_many_evaluations_as_asked_for():
    plan = make_plan(recipe(stopping__evaluations=3), per_epoch=25, costs=costs())
    assert plan.evaluate_every == 34


def test_more_data_means_fewer_passes():
    epochs = [wanted_epochs(count) for count in (1, 100, 1000, 5000, 10**7)]
    assert epochs == sorted(epochs, reverse=True)
    assert (epochs[0], epochs[-1]) == (20, 3)


@pytest.mark.parametrize("modality", ["image", "text"])
@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel", "regression"])
def test_settling_leaves_no_auto_behind_and_keeps_what_was_stated(modality, task):
    stated = Recipe().apply(Change(path="optimizer.lr", to=0.5), Change(path="batching.size", to=3))
    inputs = stated.replace(inputs=stated.inputs.replace(image_size=96, max_length=64))
    settled = settle_techniques(settle(inputs, modality=modality, task=task, count=1000), 100)
    assert (settled.optimizer.lr, settled.batching.size) == (0.5, 3)
    text = settled.replace(backbone="x", precision="fp32", compile="off")
    left = [line.strip() for line in text.to_yaml().splitlines() if line.endswith(": auto")]
    # What the journey finds out by measuring, and what `auto` leaves to the augmentation policy.
    measured = ["cache: auto", "cache: auto", "micro_size: auto", "workers: auto", "evaluations: auto"]
    policys = ["scale: auto", "degrees: auto", "colour: auto", "erase: auto"]
    assert sorted(left) == sorted(measured + policys)


def test_the_heads_rate_follows_a_rate_stated_for_an_optimizer_that_nobody_measured():
    def rates(name):
        stated = Recipe().apply(Change(path="optimizer.name", to=name), Change(path="optimizer.lr", to=0.06))
        return settle(stated, modality="text", task="multiclass", count=1000).optimizer

    assert rates("rmsprop").head_lr == pytest.approx(0.2)
    assert rates("adamw").head_lr == 1e-3


@pytest.mark.parametrize(("modality", "rate"), [("image", 0.1), ("text", 0.03)])
def test_sgd_has_measured_rates_where_gradients_are_clipped_as_they_were(modality, rate):
    def settled(*changes):
        recipe = Recipe().apply(Change(path="optimizer.name", to="sgd"), *changes)
        return settle(recipe, modality=modality, task="multiclass", count=1000).optimizer

    assert (settled().lr, settled().head_lr) == (rate, 0.1)
    twice = settled(Change(path="batching.size", to=64))
    assert twice.lr == pytest.approx(2 * rate)
    for otherwise in (
        Change(path="techniques.clip", to="off"),
        Change(path="techniques.clip.norm", to=5.0),
        Change(path="optimizer.momentum", to=0.5),
    ):
        assert settled(otherwise).lr == "range_test"


@pytest.mark.parametrize(("train", "factor"), [("all", 10), (2, 10), ("head", 1)])
def test_adapters_learn_at_ten_times_the_rate_of_weights(train, factor):
    plain = Recipe().apply(Change(path="layers.train", to=train))
    adapted = plain.apply(Change(path="layers.adapter", to="lora"))
    before, after = (
        settle(one, modality="image", task="multiclass", count=1000).optimizer for one in (plain, adapted)
    )
    assert after.lr == pytest.approx(factor * before.lr)
    assert after.head_lr == before.head_lr


def test_a_strangers_module_has_one_rate_for_all_layers():
    settled = settle_own(Recipe().apply(Change(path="optimizer.lr", to=0.5)), count=100)
    assert (settled.optimizer.lr, settled.optimizer.head_lr, settled.optimizer.layer_decay) == (0.5, 0.5, 1.0)


class Ticks:
    """A clock that moves when told to."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def ticks(monkeypatch):
    ticks = Ticks()
    monkeypatch.setattr(time, "monotonic", ticks)
    return ticks


def paced(ticks, seconds, steps=30, deadline=110.0):
    pace = Pace(deadline, evaluate_every=1000, total_steps=100)
    for _ in range(steps):
        ticks.now += seconds
        pace.stepped()
    return pace


def test_a_machine_that_slows_down_moves_the_end_forward(ticks):
    pace = paced(ticks, 0.2)
    # 4 of 10 seconds are left, which are 20 steps more.
    assert 45 <= pace.affordable(30, 100) <= 51
    assert not pace.over
    ticks.now += 5
    assert pace.over


def test_a_machine_as_fast_as_planned_changes_nothing(ticks):
    assert paced(ticks, 0.1).affordable(30, 100) == 100


def test_a_faster_machine_never_trains_for_longer_than_wanted(ticks):
    assert paced(ticks, 0.001).affordable(30, 60) == 100


def test_without_a_deadline_nothing_is_over(ticks):
    pace = paced(ticks, 9.0, deadline=None)
    assert (pace.affordable(30, 100), pace.over) == (100, False)


def test_a_clock_counts_from_the_users_key_stroke_over_all_sessions(ticks):
    clock = Clock(60.0, spent=20.0)
    ticks.now += 5
    assert (clock.spent, clock.left) == (25.0, 35.0)
    assert clock.deadline(5.0) == ticks.now + 30
    assert (Clock(None).left, Clock(None).deadline(5.0)) == (None, None)


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel", "regression"])
def test_a_loss_that_does_not_fit_is_refused(task):
    objective = Objective(task)
    wrong = "cross_entropy" if task in ("multilabel", "regression") else "squared_error"
    with pytest.raises(RecipeError, match=f"loss {wrong} does not fit {task}"):
        objective.loss(Loss(name=wrong))
    assert callable(objective.loss(Loss()))


def test_regression_is_learned_in_standard_units_and_read_in_the_users():
    targets = np.array([100.0, 200.0, 600.0], np.float32)
    objective = Objective.of("regression", targets)
    encoded = objective.encode(targets)
    assert encoded.mean() == pytest.approx(0, abs=1e-6)
    assert encoded.std() == pytest.approx(1)
    scores = objective.scores(torch.as_tensor(encoded)[:, None])
    assert scores[:, 0].tolist() == pytest.approx(targets.tolist(), rel=1e-5)


def test_a_target_that_never_varies_divides_by_nothing():
    objective = Objective.of("regression", np.full(4, 7.0, np.float32))
    assert np.isfinite(objective.encode(np.full(4, 7.0, np.float32))).all()


def test_measuring_precision_leaves_the_backbone_as_it_was(monkeypatch, tmp_path):
    monkeypatch.setenv("UPFIT_CACHE", str(tmp_path))
    monkeypatch.setattr(precision, "_cpu_has_bf16", lambda: True)
    backbone = load_backbone("auto", "image")
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    batch = {"image": torch.rand(2, 3, 32, 32)}
    chosen = precision.choose_precision(backbone, batch, name="x")
    assert chosen in ("fp32", "bf16")
    assert backbone.training
    assert all(parameter.grad is None for parameter in backbone.parameters())
    assert all(torch.equal(value, before[name]) for name, value in backbone.state_dict().items())

    def never(*_):
        raise AssertionError("measured once a machine")

    monkeypatch.setattr(precision, "_measure", never)
    assert precision.choose_precision(backbone, batch, name="x") == chosen


def test_without_the_instructions_bf16_is_not_even_tried(monkeypatch, tmp_path):
    monkeypatch.setenv("UPFIT_CACHE", str(tmp_path))
    monkeypatch.setattr(precision, "_cpu_has_bf16", lambda: False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert precision.choose_precision(nn.Linear(1, 1), {}, name="x") == "fp32"


def test_no_step_is_timed_where_finishing_takes_all_that_is_left(
    lay_out, sentences, small_text_model, quickly
):
    bench, backbone = lay_out(sentences("multiclass"), small_text_model, quickly())
    probe = probe_stage(bench, backbone)
    settled, rates = measured_rates(bench, backbone, probe, left=0.0)
    # Three times the forward pass of a batch to the last digit is what nobody measured.
    assert rates.step == 3 * rates.forward * bench.recipe.batching.size
    assert settled.recipe.batching.micro_size == bench.recipe.batching.size
    _, timed = measured_rates(bench, backbone, probe, left=1e6)
    assert timed.step != rates.step
