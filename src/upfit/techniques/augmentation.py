"""Whether what a recipe does to its examples fits what they are: images, texts, or neither."""

from __future__ import annotations

from typing import Literal

from upfit.errors import RecipeError
from upfit.techniques.image_policies import image_augmentation
from upfit.techniques.text_policies import text_augmentation
from upfit.values import Recipe

OF_IMAGES, OF_TEXTS = ("progressive_resize",), ("token_dropout", "length_warmup")


def check_augmentation(recipe: Recipe, *, modality: Literal["image", "text", "own"]) -> None:
    """Raise `RecipeError` where the policy or a technique varies what the examples do not have.

    Example:
        >>> from upfit.values import Augment
        >>> check_augmentation(Recipe(augment=Augment(policy="rand")), modality="text")
        Traceback (most recent call last):
        upfit.errors.RecipeError: augment.policy: rand varies images, not texts
          expected: one of none, light, medium, strong
    """
    if modality == "own":
        _refuse_loaders(recipe)
        return
    _refuse_strangers(recipe, modality)
    augment = recipe.augment
    settled = augment.until_settled("none")
    if modality == "image":
        image_augmentation(settled, side=224)
    else:
        text_augmentation(settled)


def check_size(recipe: Recipe, *, backbone: str, fixed: bool) -> None:
    """Raise `RecipeError` where images shall change their size and the network takes one size alone."""
    if fixed and recipe.technique("progressive_resize") is not None:
        raise RecipeError(
            f"progressive_resize changes the size of images, and {backbone} takes one size only",
            hint="another backbone, or techniques.progressive_resize=off",
        )


def _refuse_loaders(recipe: Recipe) -> None:
    """What acts on images and tokens as upfit loads them would do nothing to batches of one's own."""
    name = next((one.name for one in recipe.techniques if one.name in (*OF_IMAGES, *OF_TEXTS)), "")
    if name:
        raise RecipeError(
            f"{name} changes what upfit loads, and the batches of a module of one's own come from its loader",
            hint=f"techniques.{name}=off, and the same in the loader",
        )


def _refuse_strangers(recipe: Recipe, modality: Literal["image", "text"]) -> None:
    strangers = OF_TEXTS if modality == "image" else OF_IMAGES
    here, there = ("images", "texts") if modality == "image" else ("texts", "images")
    for technique in recipe.techniques:
        if technique.name in strangers:
            raise RecipeError(
                f"{technique.name} works on {there}, and these data are {here}",
                hint=f"techniques.{technique.name}=off",
            )
        if technique.name in (*OF_IMAGES, *OF_TEXTS) and recipe.layers.train == "head":
            raise RecipeError(
                f"{technique.name} changes what the backbone reads, which layers.train=head caches",
                hint="layers.train=all",
            )
