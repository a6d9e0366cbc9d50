"""Automatic augmentation: random operations of a fixed list, as torchvision has them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from PIL import Image

from upfit.techniques.card import Card
from upfit.techniques.crop_flip import border_colour
from upfit.techniques.seeded import seeded_from

SMOOTH = "bilinear"
"""How turned and slanted pixels are filled in: torchvision's own "nearest" leaves strokes ragged."""

OPERATIONS = {
    "turn": frozenset({"Rotate"}),
    "colour": frozenset(
        {"Brightness", "Color", "Contrast", "Posterize", "Solarize", "AutoContrast", "Equalize", "Invert"}
    ),
}
"""torchvision's names of the operations that are of a kind which a recipe's field replaces."""


def trivial_augment(
    image: Image.Image, rng: np.random.Generator, strength: float, *, without: Collection[str] = ()
) -> Image.Image:
    """One operation of 14 at a random magnitude, with probability `strength`.

    Source: Müller and Hutter 2021 (TrivialAugment, wide space).
    """
    if rng.random() >= strength:
        return image
    from torchvision.transforms import v2

    policy = v2.TrivialAugmentWide(interpolation=SMOOTH, fill=list(border_colour(image)))
    return _draw(policy, image, rng, without)


def rand_augment(
    image: Image.Image, rng: np.random.Generator, strength: float, *, without: Collection[str] = ()
) -> Image.Image:
    """Two operations of 14, one after the other, at magnitude `strength` of 30.

    Source: Cubuk et al. 2020 (RandAugment).
    """
    from torchvision.transforms import v2

    magnitude = min(30, max(1, round(strength)))
    policy = v2.RandAugment(2, magnitude, interpolation=SMOOTH, fill=list(border_colour(image)))
    return _draw(policy, image, rng, without)


def aug_mix(
    image: Image.Image, rng: np.random.Generator, strength: float, *, without: Collection[str] = ()
) -> Image.Image:
    """The image mixed with three chains of operations of itself, of severity `strength` of 10.

    Source: Hendrycks et al. 2020 (AugMix), without its consistency loss.
    """
    from torchvision.transforms import v2

    severity = min(10, max(1, round(strength)))
    return _draw(v2.AugMix(severity, fill=list(border_colour(image))), image, rng, without)


def _draw(policy: Any, image: Image.Image, rng: np.random.Generator, without: Collection[str]) -> Image.Image:
    left_out = frozenset[str]().union(*(OPERATIONS[kind] for kind in without))
    if left_out:
        space = policy._AUGMENTATION_SPACE
        policy._AUGMENTATION_SPACE = {name: space[name] for name in space if name not in left_out}
    with seeded_from(rng):
        varied = policy(image)
    assert isinstance(varied, Image.Image)
    return varied


TRIVIAL_CARD = Card(
    name="trivial_augment",
    switch="augment.policy=trivial",
    row="D4",
    what="After a crop, one random operation of 14 (shapes and colours) at a random magnitude.",
    when="Photographs and long runs, with no time to tune a policy.",
    when_not="Letters and digits: it turns by up to 135 degrees; colours that tell the class.",
    combine="augment.degrees and augment.colour take its turning and its colours out.",
    source="Müller and Hutter 2021; torchvision",
)
RAND_CARD = Card(
    name="rand_augment",
    switch="augment.policy=rand",
    row="D4",
    what="After a crop, two random operations of 14 in a row, at one magnitude (9 of 30).",
    when="Photographs and long runs; the magnitude is the one thing to tune.",
    when_not="Short runs and small sets of drawings; colours that tell the class.",
    combine="augment.degrees and augment.colour take its turning and its colours out.",
    source="Cubuk et al. 2020; torchvision",
)
AUG_MIX_CARD = Card(
    name="aug_mix",
    switch="augment.policy=aug_mix",
    row="D4",
    what="After a crop, the image is mixed with three chains of operations of itself, at severity 3 of 10.",
    when="The model will meet blur, noise and other weather than the training images show.",
    when_not="Only accuracy on images like the training ones counts; loading is the bottleneck.",
    combine="augment.degrees and augment.colour take its turning and its colours out.",
    source="Hendrycks et al. 2020, without its consistency loss; torchvision",
)
