"""Ways to vary an image, each with one strength; at 0 it does nothing.

torchvision does the work; its random numbers are drawn from the example's own generator.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from upfit.techniques.auto_policies import aug_mix, rand_augment, trivial_augment
from upfit.techniques.card import Card
from upfit.techniques.crop_flip import border_colour, random_crop, random_turn
from upfit.techniques.seeded import seeded_from

Rng = np.random.Generator


def random_flip(image: Image.Image, rng: Rng, *, probability: float) -> Image.Image:
    """Left and right exchanged, with this probability."""
    return ImageOps.mirror(image) if rng.random() < probability else image


def random_upend(image: Image.Image, rng: Rng, *, probability: float) -> Image.Image:
    """Top and bottom exchanged, with this probability: for pictures taken from above."""
    return ImageOps.flip(image) if rng.random() < probability else image


def random_shift(image: Image.Image, rng: Rng, *, share: float) -> Image.Image:
    """Moved by up to `share` of its sides; what comes in has the colour of the border."""
    across, down = (round(side * rng.uniform(-share, share)) for side in image.size)
    moved = (1, 0, -across, 0, 1, -down)
    return image.transform(image.size, Image.Transform.AFFINE, moved, fillcolor=border_colour(image))


def random_shear(image: Image.Image, rng: Rng, *, degrees: float) -> Image.Image:
    """Slanted by up to `degrees`, about its middle line, as handwriting is."""
    slope = math.tan(math.radians(float(rng.uniform(-degrees, degrees))))
    slanted = (1, slope, -slope * image.height / 2, 0, 1, 0)
    return image.transform(
        image.size,
        Image.Transform.AFFINE,
        slanted,
        resample=Image.Resampling.BILINEAR,
        fillcolor=border_colour(image),
    )


def random_colour(image: Image.Image, rng: Rng, *, strength: float) -> Image.Image:
    """Brightness, contrast, saturation changed by factors within 1 ± strength, the hue by a tenth of it."""
    from torchvision.transforms import v2

    jitter = v2.ColorJitter(strength, strength, strength, hue=strength / 10)
    with seeded_from(rng):
        return _same_kind(jitter(image))


def random_grey(image: Image.Image, rng: Rng, *, probability: float) -> Image.Image:
    """Without colour, with this probability."""
    return ImageOps.grayscale(image).convert("RGB") if rng.random() < probability else image


def random_blur(image: Image.Image, rng: Rng, *, sigma: float) -> Image.Image:
    """Blurred by a Gaussian of up to `sigma` pixels."""
    return image.filter(ImageFilter.GaussianBlur(float(rng.uniform(0, sigma))))


def random_erase(image: Image.Image, rng: Rng, *, probability: float) -> Image.Image:
    """A rectangle of 2 to 20 % of the area painted over in a random colour, with this probability.

    Source: Zhong et al. 2020 (random erasing); torchvision's `RandomErasing`.
    """
    if rng.random() >= probability:
        return image
    from torchvision.transforms import v2

    colour = [int(value) for value in rng.integers(0, 256, 3)]
    eraser = v2.RandomErasing(p=1.0, scale=(0.02, 0.2), value=colour)
    with seeded_from(rng):
        erased = eraser(v2.functional.pil_to_tensor(image))
    return _same_kind(v2.functional.to_pil_image(erased))


@dataclass(frozen=True)
class ImageTransform:
    """A transform of the table.

    Args:
        apply: (image, rng, strength) → image.
        greatest: Strength beyond which nothing sensible is left.
        unit: What strength counts.
    """

    apply: Callable[..., Image.Image]
    greatest: float
    unit: str


IMAGE_TRANSFORMS: dict[str, ImageTransform] = {
    "crop": ImageTransform(
        lambda image, rng, strength: random_crop(image, rng, scale=1 - strength),
        0.95,
        "greatest share of the area cut away",
    ),
    "turn": ImageTransform(
        lambda image, rng, strength: random_turn(image, rng, degrees=strength), 180, "greatest angle, degrees"
    ),
    "flip": ImageTransform(
        lambda image, rng, strength: random_flip(image, rng, probability=strength), 1, "probability"
    ),
    "upend": ImageTransform(
        lambda image, rng, strength: random_upend(image, rng, probability=strength), 1, "probability"
    ),
    "shift": ImageTransform(
        lambda image, rng, strength: random_shift(image, rng, share=strength), 0.5, "greatest share of a side"
    ),
    "shear": ImageTransform(
        lambda image, rng, strength: random_shear(image, rng, degrees=strength), 45, "greatest angle, degrees"
    ),
    "colour": ImageTransform(
        lambda image, rng, strength: random_colour(image, rng, strength=strength),
        1,
        "greatest change of a factor",
    ),
    "grey": ImageTransform(
        lambda image, rng, strength: random_grey(image, rng, probability=strength), 1, "probability"
    ),
    "blur": ImageTransform(
        lambda image, rng, strength: random_blur(image, rng, sigma=strength), 10, "greatest sigma, pixels"
    ),
    "trivial": ImageTransform(trivial_augment, 1, "probability"),
    "rand": ImageTransform(rand_augment, 30, "magnitude of 30"),
    "aug_mix": ImageTransform(aug_mix, 10, "severity of 10"),
    "erase": ImageTransform(
        lambda image, rng, strength: random_erase(image, rng, probability=strength), 1, "probability"
    ),
}
"""Every transform of images by the name that recipes use, in the order in which they are best done."""


ERASING_CARD = Card(
    name="random_erasing",
    switch="augment.erase=0.25",
    row="T3",
    what="Paints over a rectangle of 2 to 20 % of a quarter of the training images, in a random colour.",
    when="Photographs in long runs: the network learns not to rely on one spot.",
    when_not="Drawings, where a missing stroke makes another letter; small details that decide.",
    combine="On top of any policy; cutmix does the like with pieces of other images.",
    source="Zhong et al. 2020; torchvision",
)


def _same_kind(image: Any) -> Image.Image:
    assert isinstance(image, Image.Image)
    return image
