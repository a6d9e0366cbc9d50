"""CutMix: a rectangle of each image is replaced by the same rectangle of another."""

from __future__ import annotations

import numpy as np
import torch
from pydantic import Field

from upfit.techniques.card import Card
from upfit.techniques.mixing import drawn, pixels_of, with_other
from upfit.techniques.seams import Batch
from upfit.values import Value

Box = tuple[int, int, int, int]
"""(top, bottom, left, right), in pixels; the ends are outside."""


def random_box(height: int, width: int, share: float, random: np.random.Generator) -> Box:
    """A box of `share` of the area, of the image's shape, around a random pixel and cut off at the border.

    As timm draws it, but not from the global generator.
    """
    side = float(np.sqrt(share))
    row, column = int(random.integers(height)), int(random.integers(width))
    tall, wide = int(height * side), int(width * side)
    return (
        max(0, row - tall // 2),
        min(height, row + (tall + 1) // 2),
        max(0, column - wide // 2),
        min(width, column + (wide + 1) // 2),
    )


def cutmix(images_BCHW: torch.Tensor, box: Box) -> torch.Tensor:
    """Images with the box taken from the image one row before.

    Example:
        >>> cutmix(torch.tensor([[[[1.0, 1.0]]], [[[2.0, 2.0]]]]), (0, 1, 1, 2))[:, 0, 0]
        tensor([[1., 2.],
                [2., 1.]])
    """
    top, bottom, left, right = box
    mixed_BCHW = images_BCHW.clone()
    mixed_BCHW[..., top:bottom, left:right] = images_BCHW.roll(1, 0)[..., top:bottom, left:right]
    return mixed_BCHW


class CutMix(Value):
    """CutMix of images (B, C, H, W).

    Args:
        alpha: The area is drawn from Beta(alpha, alpha) for a batch; 0 is never to mix.
        probability: Part of the batches that are mixed; the others stay whole.
    """

    alpha: float = Field(default=1.0, ge=0, allow_inf_nan=False)
    probability: float = Field(default=0.5, ge=0, le=1)

    def on_batch(self, batch: Batch, rng: torch.Generator, progress: float) -> Batch:
        """The batch, mixed or as it was."""
        random = drawn(batch, rng, alpha=self.alpha, probability=self.probability)
        if random is None:
            return batch
        name = pixels_of(batch, "cutmix")
        height, width = batch[name].shape[-2:]
        box = random_box(height, width, float(random.beta(self.alpha, self.alpha)), random)
        # The border cuts boxes off: what counts is the area that was in fact replaced.
        area = (box[1] - box[0]) * (box[3] - box[2]) / (height * width)
        return with_other({**batch, name: cutmix(batch[name], box)}, batch["target"].roll(1, 0), area)


CARD = Card(
    name="cutmix",
    switch="techniques.cutmix={alpha: 1.0}",
    row="T3",
    what="Replaces a rectangle in half of the batches by that of another image; the losses of both labels "
    "count by area.",
    when="Photographs in which any part of the object tells the class; many epochs.",
    when_not="The label hangs on one spot or on the whole outline (letters, medical findings); short runs.",
    combine="With mixup: each batch is mixed by one of them. Refused on text, on cached features, for "
    "regression.",
    source="Yun et al. 2019",
    absent="techniques.cutmix={alpha: 0}",
)
