"""Samplers: chances by class, and what they are refused with."""

from __future__ import annotations

import numpy as np
import pytest

from upfit.errors import RecipeError
from upfit.techniques.samplers import chances_of, check_sampler, draw_chances
from upfit.values import Change, Recipe

CLASSES = np.array([0] * 90 + [2] * 9 + [1])


def by_class(chances):
    return [chances[k == CLASSES].sum() for k in range(3)]


def test_balanced_gives_every_class_the_same_chance_and_square_root_its_square_root():
    np.testing.assert_allclose(by_class(chances_of("balanced", CLASSES)), 1 / 3)
    roots = np.sqrt([90, 1, 9])
    np.testing.assert_allclose(by_class(chances_of("square_root", CLASSES)), roots / roots.sum())
    assert chances_of("shuffled", CLASSES) is None


def test_at_power_zero_all_rows_are_alike():
    np.testing.assert_allclose(draw_chances(CLASSES, power=0), 1 / 100)


def recipe(**fields):
    return Recipe().apply(*(Change(path=path.replace("__", "."), to=to) for path, to in fields.items()))


@pytest.mark.parametrize(
    ("task", "message"),
    [("multilabel", "several labels(.|\n)*class_weights=auto"), ("regression", "no classes")],
)
@pytest.mark.parametrize("sampler", ["balanced", "square_root"])
def test_without_classes_there_is_nothing_to_balance(sampler, task, message):
    with pytest.raises(RecipeError, match=f"sampler {sampler}(.|\n)*{message}"):
        check_sampler(recipe(batching__sampler=sampler), task)
    check_sampler(recipe(), task)


@pytest.mark.parametrize(
    "fields", [{"loss__class_weights": "auto"}, {"loss": "class_balanced"}, {"loss": "logit_adjusted"}]
)
def test_counts_are_corrected_for_once(fields):
    with pytest.raises(RecipeError, match="both correct for the counts of the classes"):
        check_sampler(recipe(batching__sampler="balanced", **fields), "multiclass")


@pytest.mark.parametrize(
    "fields", [{}, {"loss": "focal"}, {"loss": "ldam"}, {"loss__class_weights": {"a": 2}}]
)
def test_what_does_not_count_goes_with_them(fields):
    check_sampler(recipe(batching__sampler="balanced", **fields), "binary")


def test_an_unknown_sampler_is_refused():
    with pytest.raises(RecipeError, match="sampler"):
        recipe(batching__sampler="balancd")
