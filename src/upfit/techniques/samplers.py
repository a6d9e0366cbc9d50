"""Samplers: how often a row of each class is drawn for training."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from upfit.errors import RecipeError
from upfit.techniques.card import Card
from upfit.values import Recipe, Task

Sampler = Literal["shuffled", "balanced", "square_root"]
POWERS: dict[str, float] = {"balanced": 1.0, "square_root": 0.5}
"""A row is drawn in proportion to n^-power, where n counts the rows of its class."""
BY_COUNTS = ("class_balanced", "logit_adjusted")
"""Losses that correct for the counts of the classes."""


def draw_chances(classes_N: npt.NDArray[Any], *, power: float) -> npt.NDArray[np.float64]:
    """(N,) chance of each row at every draw; they add up to 1.

    Args:
        classes_N: (N,) class indices of the training rows.
        power: 0 draws all rows alike, 1 all classes alike, 1/2 classes by the square root of their counts.

    Example:
        >>> draw_chances(np.array([0, 0, 0, 1]), power=1.0).round(3)
        array([0.167, 0.167, 0.167, 0.5  ])
    """
    weights_N = np.bincount(classes_N)[classes_N].astype(np.float64) ** -power
    return np.asarray(weights_N / weights_N.sum())


def chances_of(sampler: Sampler, classes_N: npt.NDArray[Any]) -> npt.NDArray[np.float64] | None:
    """Chances of the training rows by a recipe's sampler; None where every row comes once an epoch."""
    if sampler == "shuffled":
        return None
    return draw_chances(classes_N, power=POWERS[sampler])


def check_sampler(recipe: Recipe, task: Task) -> None:
    """Raise `RecipeError` for a sampler that the task has no classes for, or that corrects twice."""
    sampler = recipe.batching.sampler
    if sampler == "shuffled":
        return
    if task not in ("binary", "multiclass"):
        rows = "a row has several labels" if task == "multilabel" else "a number has no classes"
        hint = "loss.class_weights=auto" if task == "multilabel" else "loss.name=huber bears extreme targets"
        raise RecipeError(
            f"sampler {sampler} draws rows by their class, and in {task} {rows}",
            expected="batching.sampler=shuffled",
            hint=hint,
        )
    if recipe.loss.name in BY_COUNTS or recipe.loss.class_weights == "auto":
        twice = recipe.loss.name if recipe.loss.name in BY_COUNTS else "loss.class_weights=auto"
        raise RecipeError(
            f"sampler {sampler} and {twice} both correct for the counts of the classes",
            expected="one of the two",
        )


BALANCED_CARD = Card(
    name="balanced_sampler",
    switch="batching.sampler=balanced",
    row="T5",
    what="Draws every class equally often, with replacement; an epoch is as long as before.",
    when="Classes are very unequal and the rare ones matter; gradients of weighted losses are too noisy.",
    when_not="Very few rare rows: they are learned by heart, all the more without augmentation.",
    combine="With augmentation, which varies each draw, and with ldam. Refused with class_weights=auto, "
    "class_balanced and logit_adjusted, which correct the same thing; with multilabel and regression.",
    source="Shen et al. 2016; Kang et al. 2020",
)
SQUARE_ROOT_CARD = Card(
    name="square_root_sampler",
    switch="batching.sampler=square_root",
    row="T5",
    what="Draws classes in proportion to the square root of their counts, half way to balanced.",
    when="As balanced_sampler, where balanced costs too much on the frequent classes.",
    when_not="Classes are about equal.",
    combine="As balanced_sampler.",
    source="Mahajan et al. 2018; Mikolov et al. 2013",
)
