"""Choosing a loss: what fits which task, settings that are checked, what validation is judged by."""

from __future__ import annotations

import pytest
import torch

from upfit.errors import RecipeError
from upfit.techniques.losses import LOSSES, PLAIN, Facts, build, check, fitting, judging, settled
from upfit.values.loss import Loss

FACTS = Facts("multiclass", ("0", "1", "2"), (9, 3, 1), 13)


@pytest.mark.parametrize("task", PLAIN)
def test_auto_follows_the_task_and_everything_else_is_refused_with_what_fits(task):
    assert settled(Loss(), task, label_smoothing=0.1).name == PLAIN[task]
    for name in set(LOSSES) - set(fitting(task)):
        with pytest.raises(RecipeError, match=f"loss {name} does not fit {task}: it needs") as raised:
            build(Loss(name=name), Facts(task))
        assert all(one in str(raised.value) for one in fitting(task))


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        ({"name": "focl"}, "no loss 'focl'(.|\n)*loss.name=focal"),
        ({"name": "zzz"}, "no loss 'zzz'(.|\n)*takes any callable"),
        ({"name": "focal", "gama": 2}, "no field 'gama'; did you mean 'gamma'"),
        ({"name": "focal", "gamma": -1}, "gamma: input should be greater than or equal to 0"),
        ({"name": "focal", "gamma": float("inf")}, "finite"),
        ({"name": "focal", "label_smoothing": 0.1}, "focal takes no label smoothing(.|\n)*cross_entropy"),
        ({"name": "quantile", "quantile": 1}, "less than 1"),
        ({"name": "quantile", "quantile": "high"}, "valid number"),
        ({"name": "huber", "delta": 0}, "greater than 0"),
        ({"name": "class_balanced", "beta": 1}, "less than 1"),
        ({"name": "generalised_cross_entropy", "q": 2}, "less than or equal to 1"),
    ],
)
def test_a_wrong_name_or_setting_is_refused_before_there_are_any_data(loss, message):
    with pytest.raises(RecipeError, match=message):
        check(Loss(**loss))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"gamma": 2}, "loss.gamma is no setting of loss auto(.|\n)*loss.name=focal"),
        ({"gama": 2}, "loss.gama is no setting of loss auto"),
        ({"focal": {"gamma": 2}, "huber": {}}, "one loss, and this recipe names focal and huber"),
    ],
)
def test_settings_of_a_loss_that_is_not_named_are_refused(settings, message):
    with pytest.raises(RecipeError, match=message):
        check(Loss(**settings))
    with pytest.raises(RecipeError, match="CrossEntropy has no field"):
        build(Loss(**settings), FACTS)


@pytest.mark.parametrize("name", ["class_balanced", "logit_adjusted"])
def test_counts_are_corrected_for_once(name):
    with pytest.raises(RecipeError, match=f"loss {name} corrects for the counts of the classes already"):
        build(Loss(name=name, class_weights="auto"), FACTS)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "classes are no numbers(.|\n)*loss.order=(.|\n)*high, low, middle"),
        ({"order": ["low", "midle", "high"]}, "no class 'midle'(.|\n)*try: +middle"),
        ({"order": ["low", "high"]}, "name every class once"),
        ({"order": ["low", "high", "high"]}, "name every class once"),
    ],
)
def test_an_order_of_words_has_to_be_given_whole(settings, message):
    with pytest.raises(RecipeError, match=message):
        build(Loss(name="ordinal", **settings), Facts("multiclass", ("high", "low", "middle"), (1, 1, 1), 3))


def test_settling_states_every_setting_and_settles_once():
    found = settled(Loss(name="focal"), "multiclass", label_smoothing=0.1)
    assert found == Loss(name="focal", label_smoothing=0.0, gamma=2.0)
    assert settled(found, "multiclass", label_smoothing=0.1) == found
    assert settled(Loss(), "multiclass", label_smoothing=0.1).label_smoothing == 0.1
    assert settled(Loss(label_smoothing=0.3), "multiclass", label_smoothing=0.1).label_smoothing == 0.3
    assert settled(Loss(), "regression", label_smoothing=0.1).label_smoothing == 0


@pytest.mark.parametrize("name", fitting("multiclass"))
def test_validation_of_classes_is_judged_by_plain_cross_entropy_on_plain_logits(name):
    logits, targets = (
        torch.randn(4, 3, generator=torch.Generator().manual_seed(0)),
        torch.tensor([0, 1, 2, 0]),
    )
    plain = torch.nn.functional.cross_entropy(logits, targets, reduction="none")
    torch.testing.assert_close(judging(Loss(name=name), FACTS)(logits, targets), plain)


def test_validation_of_numbers_is_judged_by_what_was_trained_for():
    loss = Loss(name="quantile", quantile=0.9)
    outputs, targets = torch.tensor([[0.0]]), torch.tensor([1.0])
    assert float(judging(loss, Facts("regression"))(outputs, targets)) == pytest.approx(0.9)
