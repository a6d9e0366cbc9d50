"""Network: a backbone with a fresh head."""

from __future__ import annotations

import torch
from torch import nn

from upfit.data.boundary import BOUNDARY
from upfit.errors import TrainingError
from upfit.models.backbone import Backbone, Batch
from upfit.models.cut import Cut
from upfit.models.groups import LayerGroup
from upfit.models.lone import lone_example

BELOW = "backbone.net."
"""What a network puts before the names of its backbone's parameters."""


class Head(nn.Module):
    """Dropout, then one linear layer (B, D) → (B, K)."""

    def __init__(self, width: int, outputs: int, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(width, outputs)
        nn.init.normal_(self.linear.weight, std=0.01)
        nn.init.zeros_(self.linear.bias)

    def forward(self, features_BD: torch.Tensor) -> torch.Tensor:
        """Logits (B, K)."""
        logits: torch.Tensor = self.linear(self.dropout(features_BD))
        return logits

    @torch.no_grad()
    def start_from(self, weight_KD: torch.Tensor, bias_K: torch.Tensor) -> None:
        """Take over the weights of a fitted linear probe."""
        self.linear.weight.copy_(weight_KD)
        self.linear.bias.copy_(bias_K)


class Network(nn.Module):
    """`head(backbone(batch))`, with the layer groups of both, the head last."""

    def __init__(self, backbone: Backbone, head: Head) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head
        # Takes over for batches that hold activations of a frozen prefix instead of inputs.
        self.cut: Cut | None = None

    @property
    def groups(self) -> tuple[LayerGroup, ...]:
        """Layer groups with parameter names as this module spells them."""
        below = [
            LayerGroup(group.name, tuple(f"{BELOW}{name}" for name in group.parameters))
            for group in self.backbone.groups
        ]
        names = tuple(f"head.{name}" for name, _ in self.head.named_parameters())
        return (*below, LayerGroup("head", names))

    def features(self, batch: Batch) -> torch.Tensor:
        """Pooled features (B, D)."""
        if BOUNDARY in batch:
            assert self.cut is not None, "activations come from a cut"
            return self.cut.suffix(batch)
        features: torch.Tensor = self.backbone(batch)
        return features

    def forward(self, batch: Batch) -> torch.Tensor:
        """Logits (B, K); of mixed features where the batch says which and how (`mixup_features`)."""
        with lone_example(self, batch):
            features_BD = self.features(batch)
        if "feature_pair" in batch:
            features_BD = mix_pairs(features_BD, batch["feature_pair"], batch["feature_share"])
        logits: torch.Tensor = self.head(features_BD)
        return logits


def mix_pairs(features_BD: torch.Tensor, pair_B: torch.Tensor, share_B: torch.Tensor) -> torch.Tensor:
    """Features blended with those of other rows.

    Args:
        features_BD: (B, D).
        pair_B: How many rows away the other one is: 1, -1, or 0 for a row that stays alone.
        share_B: The other's share of the sum, 0 to 1.

    Raises:
        TrainingError: A pair was torn apart, so that its labels would be mixed and its features not.
    """
    others_B = torch.arange(len(features_BD), device=features_BD.device) + pair_B
    if int(others_B.min()) < 0 or int(others_B.max()) >= len(features_BD):
        raise TrainingError("mixup_features mixes neighbours, and a micro-batch of odd size tore some apart")
    return features_BD.lerp(features_BD[others_B], share_B.to(features_BD.dtype).unsqueeze(1))


def set_backbone_dropout(network: Network, rate: float) -> None:
    """Give every dropout layer of the backbone the same rate."""
    for module in network.backbone.modules():
        if isinstance(module, nn.Dropout):
            module.p = rate
