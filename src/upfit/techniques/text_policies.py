"""Augmentation policies for texts: named lists of transforms, held back where a text is short."""

from __future__ import annotations

import numpy as np

from upfit.errors import RecipeError
from upfit.techniques.card import Card
from upfit.techniques.known_transform import known_transform
from upfit.techniques.text_transforms import TEXT_TRANSFORMS, words_of
from upfit.values import Augment, Transform, Value

LEAST = 4
"""Texts of fewer words are left whole: any of their words may be the one that counts."""
FULL = 12
"""From so many words on a policy has its full strength; below, it grows with the number of words."""


def _listed(**strengths: float) -> tuple[Transform, ...]:
    return tuple(Transform(name=name, strength=strength) for name, strength in strengths.items())


TEXT_POLICIES: dict[str, tuple[Transform, ...]] = {
    "none": (),
    "light": _listed(drop=0.05, swap=0.05, case=0.05),
    "medium": _listed(drop=0.1, swap=0.1, typos=0.05, case=0.1, stops=0.1),
    "strong": _listed(drop=0.2, swap=0.2, typos=0.1, case=0.15, stops=0.15),
}
"""What each policy does, in order."""


def vary_text(text: str, rng: np.random.Generator, transforms: tuple[Transform, ...]) -> str:
    """The text after all transforms; itself where it has fewer than `LEAST` words.

    Example:
        >>> vary_text("not so", np.random.default_rng(0), TEXT_POLICIES["strong"])
        'not so'
        >>> vary_text("an example of a text", np.random.default_rng(0), ())
        'an example of a text'
    """
    words = words_of(text)
    count = sum(not word.isspace() for word in words)
    if count < LEAST or not transforms:
        return text
    share = min(1.0, count / FULL)
    for transform in transforms:
        if transform.strength > 0:
            words = TEXT_TRANSFORMS[transform.name].apply(words, rng, rate=transform.strength * share)
    varied = "".join(words)
    return varied if varied.strip() else text


class TextPolicy(Value):
    """A list of transforms for texts."""

    transforms: tuple[Transform, ...]

    def __call__(self, text: str, rng: np.random.Generator) -> str:
        """One varied text."""
        return vary_text(text, rng, self.transforms)


def text_augmentation(augment: Augment) -> TextPolicy | None:
    """What varies a training text by a settled recipe, or None.

    Raises:
        RecipeError: The policy, a transform or a field is not for texts.
    """
    assert augment.policy != "auto", "the recipe has to be settled first"
    _refuse_fields(augment)
    if isinstance(augment.policy, str):
        if augment.policy not in TEXT_POLICIES:
            raise RecipeError(
                f"augment.policy: {augment.policy} varies images, not texts",
                expected="one of " + ", ".join(TEXT_POLICIES),
            )
        transforms = TEXT_POLICIES[augment.policy]
    else:
        transforms = augment.policy
    for transform in transforms:
        check_transform(transform)
    transforms = tuple(one for one in transforms if one.strength > 0)
    return TextPolicy(transforms=transforms) if transforms else None


def check_transform(transform: Transform) -> None:
    """Raise `RecipeError` unless texts can be varied so."""
    known = known_transform(transform, TEXT_TRANSFORMS, of="texts")
    if transform.strength > known.greatest or transform.without:
        raise RecipeError(
            f"augment.policy: {transform.name} is too strong",
            expected=f"{known.unit}, 0 to {known.greatest:g}, and nothing else",
            got=f"{transform.strength:g}",
        )


def _refuse_fields(augment: Augment) -> None:
    for field in ("flip", "scale", "degrees", "colour", "erase"):
        # A settled recipe says that nothing is mirrored.
        if getattr(augment, field) not in ("auto", False):
            raise RecipeError(
                f"augment.{field} varies images, and these data are texts", hint=f"augment.{field}=auto"
            )


CARD = Card(
    name="augment_text",
    switch="augment.policy=light",
    row="D4",
    what=(
        "Varies every training text anew in each epoch: words dropped and swapped, slips of the finger, "
        "case, punctuation (light, medium, strong, or a list of transforms). Short texts are varied less, "
        "those under four words not at all, and none is emptied."
    ),
    when="Few examples and many epochs; texts that people will type carelessly.",
    when_not=(
        "One word decides (negations, names), grammar is the task, or the encoder tells cases apart. "
        "Off by default."
    ),
    combine="With R-Drop; instead of token_dropout at a high rate.",
    source="Wei and Zou 2019 (EDA: swap, deletion); Belinkov and Bisk 2018 (typing noise)",
)
