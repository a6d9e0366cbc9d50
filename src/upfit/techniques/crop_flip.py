"""Light image augmentation: a random crop, a slight turn, and mirroring."""

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


def random_turn(image: Image.Image, rng: np.random.Generator, *, degrees: float) -> Image.Image:
    """Rotated by up to `degrees` either way; the corners are filled with the median colour of the border."""
    fill = border_colour(image)
    angle = float(rng.uniform(-degrees, degrees))
    return image.rotate(angle, resample=Image.Resampling.BILINEAR, fillcolor=fill)


def border_colour(image: Image.Image) -> tuple[int, ...]:
    """The median colour of an image's outermost pixels: what lies behind, more often than black."""
    pixels = np.asarray(image)
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    return tuple(int(value) for value in np.median(border, axis=0))


class CropFlip(Value):
    """Card: crops of at least `scale` of the area (1.0: none), turns up to `degrees`, half of all mirrored.

    When: photographs; crops and turns also on letters and digits. When not: `flip` on letters and digits,
    where the mirror image is another class.
    Source: Szegedy et al. 2015 (random resized crops).
    """

    scale: float = 0.7
    degrees: float = 10.0
    flip: bool = False

    def __call__(self, image: Image.Image, rng: np.random.Generator) -> Image.Image:
        """One varied image."""
        if self.scale < 1:
            image = random_crop(image, rng, scale=self.scale)
        if self.degrees > 0:
            image = random_turn(image, rng, degrees=self.degrees)
        if self.flip and rng.random() < 0.5:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        return image
