"""Switches: what `--set` takes to turn a technique on, and where a technique can be tried."""

from __future__ import annotations

from collections.abc import Iterable

import yaml

from upfit.errors import InputError
from upfit.testing.small import SHORT, Modality, require_sense
from upfit.values import Change, Recipe, Task

Place = tuple[Modality, Task]
PLACES: tuple[Place, ...] = (
    ("image", "multiclass"),
    ("text", "multiclass"),
    ("image", "regression"),
    ("image", "multilabel"),
    ("image", "binary"),
    ("text", "regression"),
    ("text", "multilabel"),
)
"""Where a technique is tried, in this order."""


def change_of(switch: str) -> Change:
    """A switch as a change of the recipe.

    Example:
        >>> change_of("techniques.sam={rho: 0.1}").to
        {'rho': 0.1}
    """
    path, _, value = switch.partition("=")
    return Change(path=path, to=yaml.safe_load(value))


def recipe_of(*switches: str, **fields: object) -> Recipe:
    """The short recipe with techniques switched on; `fields` are further changes, with `__` for dots."""
    more = [Change(path=path.replace("__", "."), to=to) for path, to in fields.items()]
    return SHORT.apply(*more, *(change_of(switch) for switch in switches))


def refusal(recipe: Recipe, place: Place) -> str:
    """Why a recipe is refused at a place, in one line; empty where it is not."""
    try:
        require_sense(recipe, modality=place[0], task=place[1])
    except InputError as error:
        return error.message
    return ""


def places_of(recipe: Recipe, places: Iterable[Place] = PLACES) -> list[Place]:
    """The places that do not refuse a recipe."""
    return [place for place in places if not refusal(recipe, place)]
