"""Settings that do nothing for what a network reads: told, since somebody meant something by them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce

from upfit.techniques.refuse import Modality
from upfit.values import Recipe

OWN = {
    "augment.policy": "rows are as the loaders give them",
    "batching.size": "the loader makes the batches",
    "head.dropout": "a module of one's own has its own dropout",
    "layers.dropout": "a module of one's own has its own dropout",
    "layers.cache": "where a module of one's own could be cut is not known",
}
"""Fields that say nothing to a module and loaders of one's own, and why."""
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
    return (*found, *_own(recipe)) if modality == "own" else tuple(found)


def _own(recipe: Recipe) -> Iterator[str]:
    """The same for a module and loaders of one's own."""
    usual = Recipe()
    for path, told in OWN.items():
        value, default = (reduce(getattr, path.split("."), one) for one in (recipe, usual))
        if value not in (default, "auto", "off", "none"):
            yield f"{path}={value} does nothing: {told}"
    if recipe.layers.train == "auto":
        yield "layers.train=auto does nothing: short trials of layers are made by upfit.fit; all layers train"
