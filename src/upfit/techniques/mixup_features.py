"""Mixup of pooled features: manifold mixup in front of the head, which works on text too."""

from __future__ import annotations

import torch
from pydantic import Field

from upfit.models.network import mix_pairs
from upfit.techniques.card import Card
from upfit.techniques.mixing import drawn, with_other
from upfit.techniques.seams import Batch
from upfit.values import Value


def neighbours(count: int) -> torch.Tensor:
    """How far away the other of each pair is, for rows 0 and 1, 2 and 3, …; 0 for an odd one left over.

    Example:
        >>> neighbours(5)
        tensor([ 1, -1,  1, -1,  0])
    """
    places = torch.arange(count)
    return torch.where(places ^ 1 < count, (places ^ 1) - places, 0)


class MixupFeatures(Value):
    """Mixup of the features (B, D) that the head reads.

    Args:
        alpha: The share is drawn from Beta(alpha, alpha) for a batch; 0 is never to mix.
        probability: Part of the batches that are mixed; the others stay whole.
        regression: Mix values too; off by default, as for mixup.
    """

    alpha: float = Field(default=0.2, ge=0, allow_inf_nan=False)
    probability: float = Field(default=0.5, ge=0, le=1)
    regression: bool = False

    def on_batch(self, batch: Batch, rng: torch.Generator, progress: float) -> Batch:
        """The batch with its features mixed, or with word for the network to mix them."""
        random = drawn(batch, rng, alpha=self.alpha, probability=self.probability)
        if random is None:
            return batch
        target, share = batch["target"], float(random.beta(self.alpha, self.alpha))
        pair_B = neighbours(len(target)).to(target.device)
        others_B = torch.arange(len(target), device=target.device) + pair_B
        told = with_other(batch, target[others_B], share)
        if "features" in batch:
            return {**told, "features": mix_pairs(batch["features"], pair_B, told["other_share"])}
        return {**told, "feature_pair": pair_B, "feature_share": told["other_share"]}


CARD = Card(
    name="mixup_features",
    switch="techniques.mixup_features={alpha: 0.2}",
    row="T3",
    what="Blends the pooled features of pairs of examples in front of the head, and the losses of both "
    "labels alike.",
    when="Text, where pixels cannot be mixed; head-only training on cached features, which it costs nothing.",
    when_not="Short runs, very few examples of a class.",
    combine="With mixup or cutmix: each batch is mixed by one of them. Refused for own modules (they show no "
    "features), and for regression unless `regression: true`.",
    source="Verma et al. 2019; on the last hidden layer as in Guo, Mao and Zhang 2019",
    absent="techniques.mixup_features={alpha: 0}",
)
