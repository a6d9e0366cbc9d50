"""What a cure means for a recipe: what moves together, and what is not worth a trial."""

from __future__ import annotations

import pytest

from upfit.diagnose.group_rates import GroupRates
from upfit.journey.repair_edits import edits_of, with_our_rates, worth_trying
from upfit.journey.repair_trials import steps_ratio
from upfit.values import Change, Finding, Recipe
from upfit.values.recipe import Optimizer

BODY = GroupRates(body=10.0, head=1e-3, body_step=5.0, head_step=1e-3)
BOTH = GroupRates(body=0.03, head=0.3, body_step=0.5, head_step=0.5)


def ill(kind, *cures):
    return Finding(kind=kind, severity="error", message="ill", cures=cures)


def as_pairs(edits):
    return {one.path: one.to for one in edits}


def test_rates_that_are_both_to_blame_move_in_proportion():
    sick = Recipe(optimizer=Optimizer(lr=0.03, head_lr=0.3, rates={"*.bias": 0.1}))
    cure = Change(path="optimizer.lr", to=0.003)
    well = sick.apply(*edits_of(sick, (ill("lr_too_large"), cure), BOTH)).optimizer
    assert (well.lr, well.head_lr) == (0.003, 0.03)
    assert well.rates["*.bias"] == pytest.approx(0.01)


@pytest.mark.parametrize("to", [0.02, "auto"])
def test_only_the_rate_that_is_to_blame_is_changed(to):
    sick = Recipe(optimizer=Optimizer(lr=10.0, head_lr=1e-3))
    edits = edits_of(sick, (ill("lr_too_large"), Change(path="optimizer.lr", to=to)), BODY)
    assert as_pairs(edits) == {"optimizer.lr": to}


def test_our_own_rates_are_tried_first_for_optimizers_that_they_were_measured_for():
    sick = ill("lr_too_small", Change(path="optimizer.head_lr", to=0.1))
    assert with_our_rates(Recipe(), [sick])[0].cures[0].path == "optimizer.head_lr"
    assert with_our_rates(Recipe(), [sick])[0].cures[0].to == "auto"
    other = Recipe(optimizer=Optimizer(name="sgd", lr=30.0, head_lr=30.0, momentum=0.5))
    [first, *_] = with_our_rates(other, [sick])[0].cures
    well = other.apply(*edits_of(other, (sick, first), GroupRates(head=30.0))).optimizer
    assert (well.name, well.lr, well.head_lr, well.momentum) == ("adamw", "auto", "auto", None)


def test_dropout_goes_in_the_head_and_in_the_backbone():
    sick = Recipe().apply(Change(path="head.dropout", to=0.9), Change(path="layers.dropout", to=0.8))
    edits = edits_of(sick, (ill("over_regularised"), Change(path="head.dropout", to=0.0)), GroupRates())
    assert as_pairs(edits) == {"head.dropout": 0.0, "layers.dropout": 0.0}


def test_more_epochs_of_a_run_whose_steps_were_stated_are_more_steps():
    sick = Recipe().apply(Change(path="stopping.steps", to=12))
    edits = edits_of(sick, (ill("underfit_budget"), Change(path="stopping.epochs", to=4.0)), GroupRates())
    assert as_pairs(edits) == {"stopping.steps": 48}


def test_what_changes_nothing_or_was_tried_is_not_worth_a_trial():
    warm, decay = Change(path="schedule.warmup", to=0.1), Change(path="optimizer.weight_decay", to=0.0)
    unknown = Change(path="optimizer.nonsense", to=1)
    picks = [(ill("x"), warm), (ill("x"), decay), (ill("x"), unknown)]
    assert [edits for _, edits in worth_trying(Recipe(), picks, GroupRates())] == [(decay,)]
    assert worth_trying(Recipe(), picks, GroupRates(), tried=[(decay,)]) == ()


def test_a_longer_training_is_tried_for_longer_but_not_without_end():
    base = Recipe().apply(Change(path="stopping.epochs", to=6.0), Change(path="batching.size", to=16))
    longer = base.apply(Change(path="stopping.epochs", to=12.0))
    endless = base.apply(Change(path="stopping.epochs", to=6000.0))
    assert steps_ratio(base, longer) == 2
    assert steps_ratio(base, endless) == 4


def test_no_augmentation_is_no_mirroring_either():
    sick = Recipe().apply(Change(path="augment.policy", to="strong"), Change(path="augment.flip", to=True))
    edits = edits_of(
        sick, (ill("wrong_augmentation"), Change(path="augment.policy", to="none")), GroupRates()
    )
    assert as_pairs(edits) == {"augment.policy": "none", "augment.flip": False}


def test_layers_that_are_to_learn_too_get_rates_of_ours():
    sick = Recipe(optimizer=Optimizer(lr=0.5, head_lr=1e-6)).apply(Change(path="layers.train", to="head"))
    edits = edits_of(
        sick, (ill("lr_too_small"), Change(path="layers.train", to="all")), GroupRates(head=1e-6)
    )
    assert as_pairs(edits) == {
        "layers.train": "all",
        "optimizer.lr": "auto",
        "optimizer.head_lr": "auto",
    }


def test_a_batch_that_is_larger_because_steps_led_nowhere_takes_rates_that_suit_it():
    sick = Recipe(optimizer=Optimizer(lr=2.5e-4, head_lr=5e-4)).apply(Change(path="batching.size", to=2))
    larger = Change(path="batching.size", to=32)
    edits = edits_of(sick, (ill("lr_too_small"), larger), GroupRates(body=2.5e-4))
    assert as_pairs(edits) == {"batching.size": 32, "optimizer.lr": 1e-3, "optimizer.head_lr": 2e-3}
    assert edits_of(sick, (ill("oscillating_loss"), larger), GroupRates(body=2.5e-4)) == (larger,)


def test_what_settles_to_the_sick_recipe_is_not_worth_a_trial():
    sick = Recipe(optimizer=Optimizer(lr=1e-3))
    ours = [(ill("lr_too_small"), Change(path="optimizer.lr", to="auto"))]

    def settle(recipe):
        rate = 1e-3 if recipe.optimizer.lr == "auto" else recipe.optimizer.lr
        return recipe.replace(optimizer=recipe.optimizer.replace(lr=rate))

    rates = GroupRates(body=1e-3)
    assert len(worth_trying(sick, ours, rates)) == 1
    assert worth_trying(sick, ours, rates, settle=settle) == ()
