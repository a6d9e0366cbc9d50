"""Mixup: each example is blended with another, and so are their labels."""

from __future__ import annotations

import torch
from pydantic import Field

from upfit.techniques.card import Card
from upfit.techniques.mixing import drawn, pixels_of, with_other
from upfit.techniques.seams import Batch
from upfit.values import Value


def mixup(inputs: torch.Tensor, share: float) -> torch.Tensor:
    """Inputs (B, ...) blended with those one row before them, which get `share` (0 to 1) of the weight.

    Example:
        >>> mixup(torch.tensor([[0.0], [10.0]]), 0.3)
        tensor([[3.],
                [7.]])
    """
    return inputs.lerp(inputs.roll(1, 0), share)


class Mixup(Value):
    """Mixup of pixels, or of one's own real-valued inputs.

    Args:
        alpha: The share is drawn from Beta(alpha, alpha) for a batch; 0 is never to mix.
        probability: Part of the batches that are mixed; the others stay whole.
        regression: Mix values too. Off by default: half-way between two inputs need not lie the mean value.
    """

    alpha: float = Field(default=0.2, ge=0, allow_inf_nan=False)
    probability: float = Field(default=0.5, ge=0, le=1)
    regression: bool = False

    def on_batch(self, batch: Batch, rng: torch.Generator, progress: float) -> Batch:
        """The batch, mixed or as it was."""
        random = drawn(batch, rng, alpha=self.alpha, probability=self.probability)
        if random is None:
            return batch
        share, name = float(random.beta(self.alpha, self.alpha)), pixels_of(batch, "mixup")
        mixed = {**batch, name: mixup(batch[name], share)}
        return with_other(mixed, batch["target"].roll(1, 0), share)


CARD = Card(
    name="mixup",
    switch="techniques.mixup={alpha: 0.2}",
    row="T3",
    what="Blends half of the batches with themselves, shifted by one, and the losses of both labels alike.",
    when="Images, many epochs, a training loss near zero while validation stands; noisy labels.",
    when_not="Short runs: it slows learning. Tasks in which a blend means something else.",
    combine="With every loss, since the losses are mixed and not the labels. With cutmix: each batch is "
    "mixed by one of them. Refused on text (mixup_features), on cached features, and for regression unless "
    "`regression: true`.",
    source="Zhang et al. 2018",
    absent="techniques.mixup={alpha: 0}",
)
