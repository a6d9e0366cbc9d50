"""Parts that fit a seam of the loop. `TECHNIQUES` names those that a recipe may list."""

from __future__ import annotations

from upfit.errors import RecipeError, nearest
from upfit.techniques.clip import Clip
from upfit.techniques.ema import Ema
from upfit.values import Recipe, Technique

TECHNIQUES: dict[str, type[Clip] | type[Ema]] = {"clip": Clip, "ema": Ema}


def build(technique: Technique) -> Clip | Ema:
    """The part that a recipe's technique names; raises `RecipeError` for a wrong name or setting."""
    if technique.name not in TECHNIQUES:
        guess = nearest(technique.name, TECHNIQUES)
        raise RecipeError(
            f"no technique {technique.name!r}",
            expected=", ".join(TECHNIQUES),
            hint=f"techniques.{guess}" if guess else "",
        )
    return TECHNIQUES[technique.name](**technique.settings)


def check(recipe: Recipe) -> None:
    """Raise `RecipeError` unless every technique of the recipe can be built."""
    for technique in recipe.techniques:
        build(technique)


__all__ = ["TECHNIQUES", "Clip", "Ema", "build", "check"]
