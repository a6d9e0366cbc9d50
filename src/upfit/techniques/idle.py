"""Settings that do nothing in a recipe or for what a network reads: told, since somebody meant something."""

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
HEAD_ONLY = {
    "augment.policy": "every example is seen as it is",
    "layers.dropout": "the backbone runs without",
    "optimizer.layer_decay": "one layer learns",
}
"""Fields that say nothing where only a head learns, on features computed once, and why."""
SCHEDULES = {
    "factor": ("step", "multi_step", "exponential", "plateau"),
    "every": ("step", "exponential"),
    "milestones": ("multi_step",),
    "power": ("polynomial",),
    "cycles": ("cosine_restarts",),
    "growth": ("cosine_restarts",),
    "decay": ("wsd",),
    "patience": ("plateau",),
}
"""Fields of a schedule and the schedules that read them; the others are read by all."""
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
    found, usual = list[str](), Recipe()
    for path, why in _unread(recipe, modality):
        value = _at(path, recipe)
        if value not in (_at(path, usual), "auto", "off", "none"):
            shown = list(value) if isinstance(value, tuple) else value
            found.append(f"{path}={shown} does nothing: {why}")
    if modality == "own" and recipe.layers.train == "auto":
        found.append(
            "layers.train=auto does nothing: short trials of layers are made by upfit.fit; all layers train"
        )
    return tuple(found)


def _unread(recipe: Recipe, modality: Modality) -> Iterator[tuple[str, str]]:
    """The fields that nobody reads, and why; whether they were set is another question."""
    sizes: dict[str, Modality] = {"image_size": "image", "max_length": "text"}
    for field, kind in sizes.items():
        if modality != kind:
            yield f"inputs.{field}", f"it is for {READS[kind]}, and these are {READS[modality]}"
    schedule, adapter = recipe.schedule.name, recipe.layers.adapter.name
    if modality == "own":
        yield from OWN.items()
    elif recipe.layers.train == "head":
        for path, why in HEAD_ONLY.items():
            yield path, f"with layers.train=head {why}"
    for field, readers in SCHEDULES.items():
        if schedule not in readers:
            yield f"schedule.{field}", f"it is for schedule {_either(readers)}, and this one is {schedule}"
    for field in ("rank", "alpha", "dropout") if adapter in ("none", "ia3") else ():
        yield f"layers.adapter.{field}", f"it is for lora and dora, and layers.adapter is {adapter}"


def _at(path: str, recipe: Recipe) -> object:
    """The value of a field by its dotted path."""
    value: object = reduce(getattr, path.split("."), recipe)
    return value


def _either(names: tuple[str, ...]) -> str:
    """Names as a sentence lists them: `step or plateau`."""
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last
