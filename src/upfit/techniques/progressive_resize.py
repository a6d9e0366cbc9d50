"""Progressive resizing: small images first, the full size at the end."""

from __future__ import annotations

import torch
from pydantic import Field
from torch.nn import functional

from upfit.techniques.card import Card
from upfit.techniques.growth import stage
from upfit.techniques.seams import Batch
from upfit.values import Value

STEP = 16
"""Sides are multiples of this many pixels, which halve cleanly inside a network."""


def resized(image_BCHW: torch.Tensor, side: int) -> torch.Tensor:
    """Images (B, C, side, side), smoothed while shrinking; the same tensor where they are that size.

    Example:
        >>> resized(torch.ones(2, 3, 64, 64), 48).shape
        torch.Size([2, 3, 48, 48])
    """
    if image_BCHW.shape[-1] == side:
        return image_BCHW
    return functional.interpolate(image_BCHW, (side, side), mode="bilinear", antialias=True)


class ProgressiveResize(Value):
    """Shrinks the images of a batch to a fraction of their side that grows over the run.

    Args:
        start: Fraction of the side at first; 1 changes nothing.
        until: Part of the run after which images have their full size.
        stages: Sizes before the full one.
    """

    start: float = Field(default=0.5, gt=0, le=1)
    until: float = Field(default=0.6, gt=0, le=1)
    stages: int = Field(default=3, ge=1)

    def on_batch(self, batch: Batch, rng: torch.Generator, progress: float) -> Batch:
        """The batch with smaller images, early in the run; batches without images as they are."""
        if "image" not in batch:
            return batch
        full = batch["image"].shape[-1]
        fraction = stage(progress, start=self.start, until=self.until, stages=self.stages)
        side = min(full, max(2 * STEP, STEP * round(full * fraction / STEP))) if fraction < 1 else full
        return {**batch, "image": resized(batch["image"], side)}


CARD = Card(
    name="progressive_resize",
    switch="techniques.progressive_resize={start: 0.5}",
    row="T3",
    what="Trains on small images first, in a few stages up to the full size: cheaper steps early on.",
    when="The budget is short of epochs, images are large, and the network takes any size.",
    when_not="Networks of one fixed size; classes that differ in details which small images lose.",
    combine="BatchNorm statistics are best frozen (the default): they depend on the size.",
    source="Howard 2018 (fast.ai); Touvron et al. 2019; Tan and Le 2021 (EfficientNetV2)",
)
