"""Refusals: combinations that make no sense end in a message before anything is trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from upfit.errors import RecipeError
from upfit.techniques.seams import AroundStep, OnModel, OnWeights
from upfit.values import Recipe, Task, Value

Modality = Literal["image", "text", "own"]
"""What the network reads; `own` for a module that nothing is known about."""
MIXERS = ("mixup", "cutmix", "mixup_features")
PIXEL_MIXERS = ("mixup", "cutmix")


@dataclass(frozen=True)
class Asked:
    """What is asked for: the recipe, its techniques by name, what is predicted and what is read."""

    recipe: Recipe
    parts: dict[str, Value]
    task: Task
    modality: Modality

    def first(self, *names: str) -> str:
        """The first of these techniques that the recipe lists, or ""."""
        return next((name for name in self.parts if name in names), "")

    def setting(self, name: str, field: str) -> object:
        """A setting of a technique that the recipe lists."""
        return getattr(self.parts[name], field)

    @property
    def head_on_features(self) -> bool:
        """Whether only the head is trained, on features computed before."""
        return self.recipe.layers.train == "head" and self.modality != "own"


def refuse(recipe: Recipe, parts: dict[str, Value], *, task: Task, modality: Modality) -> None:
    """Raise `RecipeError` for the first thing in a recipe that contradicts itself or the data.

    Args:
        recipe: As it was asked for, not yet settled.
        parts: Its techniques by name, in order.
        task: What is predicted.
        modality: What the network reads.

    Example:
        >>> from upfit.techniques.mixup import Mixup
        >>> refuse(Recipe(), {"mixup": Mixup()}, task="multiclass", modality="text")
        Traceback (most recent call last):
        upfit.errors.RecipeError: mixup blends pixels, and texts have none
          try:      techniques.mixup_features, which blends features
    """
    asked = Asked(recipe, parts, task, modality)
    for rule in RULES:
        rule(asked)


def pixels_of_text(asked: Asked) -> None:
    """Texts and cached features have no pixels to be mixed."""
    name = asked.first(*PIXEL_MIXERS)
    what = {"mixup": "blends pixels", "cutmix": "swaps rectangles of images"}
    hint = "techniques.mixup_features, which blends features"
    if name and asked.modality == "text":
        raise RecipeError(f"{name} {what[name]}, and texts have none", hint=hint)
    if name and asked.head_on_features:
        raise RecipeError(f"{name} {what[name]}, and layers.train=head sees cached features only", hint=hint)


def mixed_values(asked: Asked) -> None:
    """A blend of two values is right only where the user says so."""
    name = asked.first(*MIXERS)
    if not name or asked.task != "regression":
        return
    if name == "cutmix":
        raise RecipeError("cutmix has no meaning for regression: half an image does not have half its value")
    if not asked.setting(name, "regression"):
        raise RecipeError(
            f"{name} is off for regression: half-way between two inputs need not lie their mean value",
            hint=f"techniques.{name}.regression=true if it does on these data",
        )


def one_mixer_takes_all(asked: Asked) -> None:
    """A batch is mixed once; a technique that mixes every batch leaves the next one nothing to do."""
    mixers = [name for name in asked.parts if name in MIXERS]
    for first, later in pairwise(mixers):
        if asked.setting(first, "probability") == 1:
            raise RecipeError(
                f"{first} mixes every batch, so {later} would never act",
                hint=f"techniques.{first}.probability=0.5",
            )


def features_of_own(asked: Asked) -> None:
    """A module of one's own shows no features that could be mixed."""
    if asked.modality == "own" and "mixup_features" in asked.parts:
        raise RecipeError(
            "mixup_features mixes what the head reads, and a module of one's own does not show that",
            hint="techniques.mixup, if its inputs are real numbers",
        )


def torn_pairs(asked: Asked) -> None:
    """Mixed features come in pairs of neighbours, which have to stay in one micro-batch."""
    size = getattr(asked.recipe.batching, "micro_size", None)
    if "mixup_features" in asked.parts and isinstance(size, int) and size % 2:
        raise RecipeError(
            f"mixup_features mixes pairs of neighbours, and micro-batches of {size} tear them apart",
            hint=f"batching.micro_size={size + 1}",
        )


def alone_in_a_batch(asked: Asked) -> None:
    """What is mixed is mixed with another example of its batch."""
    name = asked.first(*MIXERS)
    if name and asked.modality != "own" and asked.recipe.batching.size == 1:
        raise RecipeError(
            f"{name} mixes examples of one batch, and batches of 1 have nothing to mix",
            hint="batching.size=8",
        )


def own_compiled(asked: Asked) -> None:
    """Whoever brings a module has its batches, too, and knows best which of them are whole."""
    if asked.modality == "own" and asked.recipe.compile == "on":
        raise RecipeError(
            "a module of one's own is compiled by its owner", hint="module.compile() before upfit.train"
        )


def hooks_in_compiled(asked: Asked) -> None:
    """What draws at random inside the network would be drawn once, while it is compiled."""
    name = next((name for name, part in asked.parts.items() if isinstance(part, OnModel)), "")
    if name and asked.recipe.compile == "on":
        raise RecipeError(
            f"{name} works inside the network, and compile=on takes that away", hint="compile=off"
        )


def tokens_of_images(asked: Asked) -> None:
    """Noise on embeddings of tokens needs tokens."""
    if "neftune" in asked.parts and asked.modality == "image":
        raise RecipeError(
            "neftune adds noise to embeddings of tokens, and images have none", hint="techniques.neftune=off"
        )


def frozen_backbone(asked: Asked) -> None:
    """Where only the head learns, on cached features, the backbone does not run at all."""
    name = asked.first("neftune", "stochastic_depth", "l2_sp")
    why = {
        "neftune": "adds noise inside the backbone",
        "stochastic_depth": "skips layers of the backbone",
        "l2_sp": "holds the backbone near its pretrained weights",
    }
    if name and asked.head_on_features:
        raise RecipeError(
            f"{name} {why[name]}, and with layers.train=head that does not run",
            hint="layers.train=all, or techniques.l2" if name == "l2_sp" else "layers.train=all",
        )


def nothing_to_disagree_on(asked: Asked) -> None:
    """R-Drop compares two passes, which have to differ."""
    if "r_drop" not in asked.parts or asked.modality == "own" or asked.recipe.head.dropout:
        return
    dropout = asked.recipe.layers.dropout
    # The default is none for images and 0.1 for texts.
    drops = asked.modality == "text" if dropout == "auto" else dropout > 0
    if asked.head_on_features or not (drops or asked.first("stochastic_depth", "neftune")):
        more = "" if asked.head_on_features else ", or techniques.stochastic_depth=on"
        raise RecipeError(
            "r_drop compares two passes with different dropout, and nothing here drops anything",
            hint=f"head.dropout=0.2{more}",
        )


def two_around_the_step(asked: Asked) -> None:
    """Only one technique can decide how gradients are made."""
    names = [name for name, part in asked.parts.items() if isinstance(part, AroundStep)]
    if len(names) > 1:
        raise RecipeError(
            f"{names[0]} and {names[1]} both decide how gradients are made, and a step has one way",
            hint=f"techniques.{names[1]}=off",
        )


def average_never_read(asked: Asked) -> None:
    """The last average that has weights is read: the ema always has some, swa only towards the end."""
    names = [name for name, part in asked.parts.items() if isinstance(part, OnWeights)]
    if "swa" in names and "ema" in names and names.index("swa") < names.index("ema"):
        raise RecipeError(
            "swa stands before ema, whose average would be read instead",
            hint="list ema first; or techniques.ema=off",
        )


def progress_nobody_waits_for(asked: Asked) -> None:
    """How much counts as progress matters only to early stopping."""
    stopping = asked.recipe.stopping
    if stopping.patience is None and stopping.min_delta:
        raise RecipeError(
            "stopping.min_delta says what counts as progress, and without stopping.patience nobody asks",
            hint="stopping.patience=5",
        )


def adapters_nowhere(asked: Asked) -> None:
    """Adapters sit in layers of the backbone that would learn."""
    name, own = asked.recipe.layers.adapter.name, asked.modality == "own"
    if name != "none" and (own or asked.head_on_features):
        why = "modules of one's own train whole" if own else "with layers.train=head no layer of it learns"
        raise RecipeError(
            f"layers.adapter={name} sits in the backbone's layers, and {why}", hint="layers.adapter=none"
        )


RULES: tuple[Callable[[Asked], None], ...] = (
    pixels_of_text,
    mixed_values,
    one_mixer_takes_all,
    features_of_own,
    torn_pairs,
    alone_in_a_batch,
    tokens_of_images,
    frozen_backbone,
    adapters_nowhere,
    nothing_to_disagree_on,
    own_compiled,
    hooks_in_compiled,
    two_around_the_step,
    average_never_read,
    progress_nobody_waits_for,
)
