"""Backbone: a pretrained network without its head, whatever library it came from."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from upfit.models.groups import LayerGroup

Batch = dict[str, torch.Tensor]


class Backbone(nn.Module):
    """What every backbone offers.

    Attributes:
        net: The network as its library made it.
        name: The name that loads it again, e.g. `packaged:tf_efficientnet_lite0`.
        modality: What it reads.
        width: D, the number of pooled features.
        groups: Layer groups, input first; parameter names as `net` spells them.
        inputs: How examples have to be prepared (`ImageInput` or `TextInput`).
    """

    net: nn.Module
    name: str
    modality: Literal["image", "text"]
    width: int
    groups: tuple[LayerGroup, ...]
    inputs: Any

    @abstractmethod
    def forward(self, batch: Batch) -> torch.Tensor:
        """Pooled features (B, D) of a prepared batch."""

    @abstractmethod
    def save(self, folder: Path) -> dict[str, Any]:
        """Write the files that rebuilding needs, weights apart; returns the rest as plain values."""
