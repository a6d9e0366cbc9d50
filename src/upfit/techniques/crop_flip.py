"""Light image augmentation: a random crop resized to the full square, and mirroring."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from upfit.values import Value


def random_crop(
    image: Image.Image, rng: np.random.Generator, *, scale: float, ratio: float = 4 / 3
) -> Image.Image:
    """A crop of `scale` … 1 of the area, its aspect ratio changed by a factor of at most `ratio`."""
    area = image.width * image.height * rng.uniform(scale, 1.0)
    stretch = math.exp(rng.uniform(-1, 1) * math.log(ratio) / 2)
    side = math.sqrt(area / (image.width * image.height))
    width = min(image.width, max(1, round(image.width * side * stretch)))
    height = min(image.height, max(1, round(image.height * side / stretch)))
    left = int(rng.integers(0, image.width - width + 1))
    top = int(rng.integers(0, image.height - height + 1))
    return image.crop((left, top, left + width, top + height))


class CropFlip(Value):
    """Card: crops of at least `scale` of the area (1.0: none) and, with `flip`, mirroring half of the time.

    When: photographs. When not: `flip` on letters and digits, where the mirror image is another class.
    Source: Szegedy et al. 2015 (random resized crops).
    """

    scale: float = 0.7
    flip: bool = False

    def __call__(self, image: Image.Image, rng: np.random.Generator) -> Image.Image:
        """One varied image."""
        if self.scale < 1:
            image = random_crop(image, rng, scale=self.scale)
        if self.flip and rng.random() < 0.5:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        return image
