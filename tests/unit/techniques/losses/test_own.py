"""A loss of one's own: its name is kept, its faults show with both shapes before any work."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from upfit.errors import RecipeError
from upfit.techniques.losses import Facts, adopt, build, cross_entropy, guarded, rehearse
from upfit.techniques.losses.own import name_of
from upfit.values import Change, Recipe

FACTS = {
    "multiclass": Facts("multiclass", ("a", "b", "c", "d"), (1, 1, 1, 1), 4),
    "multilabel": Facts("multilabel", ("a", "b"), (1, 1), 4),
    "regression": Facts("regression", rows=4),
}


def tilted(logits, targets):
    return functional.cross_entropy(logits, targets, reduction="none") ** 2


class Tilted:
    def __call__(self, logits, targets):
        return tilted(logits, targets)


def test_its_name_is_recorded_and_survives_yaml():
    recipe = adopt(Recipe(), tilted)
    assert recipe.loss.name == "own"
    assert recipe.loss.settings["function"].endswith("test_own:tilted")
    assert Recipe.from_yaml(recipe.to_yaml()) == recipe


@pytest.mark.parametrize("function", [tilted, partial(tilted), partial(partial(tilted))])
def test_a_partial_goes_by_the_name_of_its_function(function):
    assert name_of(function).endswith(":tilted")


def test_an_object_goes_by_the_name_of_its_class():
    assert name_of(Tilted()).endswith(":Tilted")
    assert name_of(nn.CrossEntropyLoss(reduction="none")) == "torch.nn.modules.loss:CrossEntropyLoss"


def test_class_weights_stay_beside_the_loss_that_the_task_has_anyway():
    changes = [Change(path="loss", to={"name": "cross_entropy", "class_weights": "auto"})]
    found = adopt(Recipe().apply(*changes), tilted).loss
    assert (found.name, found.class_weights) == ("own", "auto")


def test_a_loss_that_was_chosen_by_name_is_not_dropped_for_it():
    changes = [Change(path="loss", to={"name": "focal", "gamma": 3})]
    with pytest.raises(RecipeError, match=r"loss\.name=focal and loss=.*:tilted: a run has one loss"):
        adopt(Recipe().apply(*changes), tilted)


def test_resuming_asks_for_it_again_and_takes_no_other():
    recipe = adopt(Recipe(), tilted)
    assert adopt(recipe, tilted) == recipe
    with pytest.raises(RecipeError, match=r"a loss from Python, .*:tilted, which has to be given again"):
        adopt(recipe, None)
    with pytest.raises(RecipeError, match=r"another loss from Python(.|\n)*:tilted(.|\n)*:cross_entropy"):
        adopt(recipe, cross_entropy)


def test_without_one_nothing_happens():
    assert adopt(Recipe(), None) is not None
    assert adopt(Recipe(), None) == Recipe()


def test_what_cannot_be_called_is_refused():
    with pytest.raises(RecipeError, match=r"not callable(.|\n)*got: +str"):
        adopt(Recipe(), "focal")


def test_a_recipe_that_names_one_is_not_trained_without_it():
    with pytest.raises(RecipeError, match="names a loss from Python"):
        build(adopt(Recipe(), tilted).loss, FACTS["multiclass"])


@pytest.mark.parametrize(
    ("function", "shape"),
    [
        (functional.cross_entropy, r"shape \(\)"),
        (lambda logits, targets: logits, r"shape \(3, 4\)"),
        (lambda logits, targets: 1.0, "float"),
        (lambda logits, targets: np.zeros(3), "ndarray"),
    ],
)
def test_a_wrong_shape_is_reported_with_the_shape_wanted(function, shape):
    with pytest.raises(RecipeError, match=rf"one number per example(.|\n)*shape \(3,\)(.|\n)*got: +{shape}"):
        rehearse(function, FACTS["multiclass"])


def test_a_shape_that_goes_wrong_later_is_caught_too():
    def by_size(logits, targets):
        return tilted(logits, targets) if len(logits) == 3 else tilted(logits, targets).mean()

    rehearse(by_size, FACTS["multiclass"])
    with pytest.raises(RecipeError, match=r"shape \(5,\) from logits \(5, 4\) and targets \(5,\)"):
        guarded(by_size)(torch.zeros(5, 4), torch.zeros(5, dtype=torch.long))


def test_an_exception_is_reported_with_what_it_was_given():
    with pytest.raises(
        RecipeError, match=r"raises IndexError(.|\n)*\(logits \(B, 4\), targets \(B,\) of class"
    ):
        rehearse(lambda logits, targets: logits[:, 9], FACTS["multiclass"])


def test_a_loss_without_a_gradient_is_refused():
    with pytest.raises(RecipeError, match=r"no gradient towards the logits(.|\n)*argmax"):
        rehearse(lambda logits, targets: (logits.argmax(1) != targets).float(), FACTS["multiclass"])


@pytest.mark.parametrize(
    ("task", "function"),
    [
        ("multiclass", nn.CrossEntropyLoss(reduction="none")),
        (
            "multilabel",
            lambda z, t: functional.binary_cross_entropy_with_logits(z, t, reduction="none").sum(1),
        ),
        ("regression", lambda z, t: (z[:, 0] - t).abs() ** 1.5),
    ],
)
def test_it_gets_what_the_task_encodes(task, function):
    rehearse(function, FACTS[task])


def test_class_weights_apply_to_it():
    recipe = adopt(Recipe().apply(Change(path="loss.class_weights", to=[4, 1, 1, 1])), tilted)
    logits, targets = torch.zeros(4, 4), torch.arange(4)
    found = build(recipe.loss, FACTS["multiclass"], tilted)(logits, targets)
    assert float(found[0] / found[1]) == pytest.approx(4)


def test_label_smoothing_beside_it_is_refused_and_not_forgotten():
    smoothed = adopt(Recipe().apply(Change(path="loss.label_smoothing", to=0.1)), tilted)
    with pytest.raises(RecipeError, match=r"takes no label smoothing(.|\n)*smooth in the callable"):
        build(smoothed.loss, FACTS["multiclass"], tilted)


def test_a_loss_that_gives_no_number_is_found_before_any_work():
    with pytest.raises(RecipeError, match="gives no finite number for logits between -1 and 1"):
        rehearse(lambda logits, targets: tilted(logits, targets) * float("nan"), FACTS["multiclass"])
    # Dividing by the spread of the logits is no fault, though it fails where they are all alike.
    rehearse(spread, FACTS["multiclass"])


def spread(logits, targets):
    return tilted(logits / logits.std(1, keepdim=True), targets)
