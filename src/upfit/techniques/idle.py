"""Settings that do nothing for what a network reads: told, since somebody meant something by them."""

from __future__ import annotations

from upfit.techniques.refuse import Modality
from upfit.values import Recipe

READS: dict[Modality, str] = {"image": "images", "text": "texts", "own": "loaders of one's own"}


def idle(recipe: Recipe, modality: Modality) -> tuple[str, ...]:
    """What a recipe asks for in vain, a line each. One recipe may serve images and texts, so none is refused.

    Args:
        recipe: As it was asked for, not yet settled.
        modality: What the network reads.

    >>> from upfit.values import Change
    >>> idle(Recipe().apply(Change(path="inputs.image_size", to=96)), "text")
    ('inputs.image_size=96 does nothing: it is for images, and these are texts',)
    """
    found = list[str]()
    sizes: dict[str, Modality] = {"image_size": "image", "max_length": "text"}
    for field, kind in sizes.items():
        value = getattr(recipe.inputs, field)
        if value != "auto" and modality != kind:
            told = f"it is for {READS[kind]}, and these are {READS[modality]}"
            found.append(f"inputs.{field}={value} does nothing: {told}")
    if modality == "own" and recipe.layers.cache not in ("auto", "off"):
        told = "where a module of one's own could be cut is not known"
        found.append(f"layers.cache={recipe.layers.cache} does nothing: {told}")
    return tuple(found)
