"""Loss as a value: open settings, class weights of every form, another name leaves settings behind."""

from __future__ import annotations

import pytest

from upfit.errors import RecipeError
from upfit.values import Change, Recipe
from upfit.values.loss import Loss


def changed(*changes):
    return Recipe().apply(*(Change(path=path, to=to) for path, to in changes)).loss


@pytest.mark.parametrize(
    "loss",
    [
        Loss(),
        Loss(name="focal", gamma=1.5),
        Loss(class_weights={"spam": 2, "ham": 1}),
        Loss(class_weights=[1, 2.5]),
        Loss(name="ordinal", order=["low", "high"]),
    ],
)
def test_it_survives_yaml_and_its_own_repr(loss):
    recipe = Recipe(loss=loss)
    for again in (Recipe.from_yaml(recipe.to_yaml()).loss, eval(repr(loss))):
        assert again == loss
        assert hash(again) == hash(loss)


def test_a_name_alone_will_do():
    assert Recipe.from_yaml("loss: focal").loss == Loss(name="focal")
    assert changed(("loss", "focal")) == Loss(name="focal")


@pytest.mark.parametrize("order", [1, -1])
def test_settings_that_come_with_a_name_are_kept_whatever_their_order(order):
    changes = [("loss.name", "focal"), ("loss.gamma", 3), ("loss.class_weights", "auto")]
    assert changed(*changes[::order]) == Loss(name="focal", gamma=3, class_weights="auto")


def test_another_name_leaves_the_old_settings_behind_but_not_the_weights_of_classes():
    settled = Loss(name="focal", gamma=3, label_smoothing=0.0, class_weights=[1, 2])
    assert settled.replace(name="huber") == Loss(name="huber", class_weights=[1, 2])
    assert settled.replace(name="focal") == settled
    assert settled.replace(gamma=1).settings == {"gamma": 1}


def test_names_of_classes_are_texts_and_weights_numbers():
    assert changed(("loss.class_weights", {1: 3})).class_weights == {"1": 3.0}
    assert changed(("loss.class_weights", {"a": 1}), ("loss.class_weights.b", 2)).class_weights == {
        "a": 1,
        "b": 2,
    }


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("atuo", "none, auto, {class: weight} or a list of weights; did you mean 'auto'"),
        ({"spam": -1}, "a number of at least 0, and -1 is not"),
        ({"spam": "much"}, "a number of at least 0, and 'much' is not"),
        ([1, float("nan")], "a number of at least 0, and nan is not"),
        ([True, 2], "a number of at least 0, and True is not"),
        (3, "none, auto, {class: weight} or a list"),
    ],
)
def test_wrong_class_weights_are_refused(given, message):
    with pytest.raises(RecipeError, match=message):
        Loss(class_weights=given)


@pytest.mark.parametrize("smoothing", [-0.1, 1, "some"])
def test_smoothing_is_a_fraction(smoothing):
    with pytest.raises(RecipeError, match="label_smoothing"):
        Loss(label_smoothing=smoothing)
