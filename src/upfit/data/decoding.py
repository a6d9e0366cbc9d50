"""Decoding: rows become upright RGB images, from their files or from what was kept of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from PIL import Image

from upfit.data.images import open_image
from upfit.values import Data

if TYPE_CHECKING:
    import datasets


class Kept(Protocol):
    """Images that were decoded before."""

    def get(self, row: int) -> Image.Image | None:
        """The image of a row; None where it was not kept."""


@dataclass(frozen=True)
class Decoder:
    """The image of a row, in the resolution that is worked on.

    Args:
        cells: A table of one column, of image cells.
        size: Side of the square that images become in the end, in pixels. A JPEG that is much larger is
            decoded at a fraction of its size, at least twice this.
        shrink: Longest that the shorter side may stay; None leaves images as they were decoded.
        kept: Images that were decoded before, just so.
    """

    cells: datasets.Dataset
    size: int
    shrink: int | None = None
    kept: Kept | None = None

    @classmethod
    def of(cls, data: Data, *, size: int, shrink: int | None = None, kept: Kept | None = None) -> Decoder:
        """For the first image column of some data."""
        return cls(data.table.select_columns([data.schema.of_kind("image")[0]]), size, shrink, kept)

    def __call__(self, row: int) -> Image.Image:
        """The image of a row: the same whether it was kept or not."""
        image = None if self.kept is None else self.kept.get(row)
        return self.decode(row) if image is None else image

    def decode(self, row: int) -> Image.Image:
        """The image of a row, from its file."""
        cell = self.cells[row][self.cells.column_names[0]]
        image = open_image(cell, shorter_side=2 * self.size)
        return image if self.shrink is None else at_most(image, self.shrink)


def at_most(image: Image.Image, side: int) -> Image.Image:
    """The image, made smaller if its shorter side is above `side` pixels."""
    factor = side / min(image.size)
    if factor >= 1:
        return image
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    return image.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)


def at_least(image: Image.Image, side: int) -> Image.Image:
    """The image, enlarged if its shorter side is below `side` pixels."""
    factor = side / min(image.size)
    if factor <= 1:
        return image
    return image.resize((round(image.width * factor), round(image.height * factor)), Image.Resampling.BICUBIC)


def working_side(size: int, *, least_share: float) -> int:
    """The shorter side that images need so that no crop has to be enlarged.

    Args:
        size: Side of the square that images become, in pixels.
        least_share: Share of the area that the smallest crop keeps.

    Returns:
        `size / √least_share`, at most twice the size.

    Example:
        >>> working_side(100, least_share=1), working_side(100, least_share=0.7)
        (100, 120)
    """
    return min(2 * size, math.ceil(size / math.sqrt(least_share)))
