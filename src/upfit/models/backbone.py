"""Backbone: a pretrained network without its head, whatever library it came from."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Protocol

import torch

from upfit.models.groups import LayerGroup

Batch = dict[str, torch.Tensor]


class Backbone(Protocol):
    """What every backbone module offers beside being an `nn.Module`.

    Attributes:
        name: The name that loads it again, e.g. `packaged:tf_efficientnet_lite0`.
        modality: What it reads.
        width: D, the number of pooled features.
        groups: Layer groups, input first.
        inputs: How examples have to be prepared (`ImageInput` or `TextInput`).
    """

    name: str
    modality: Literal["image", "text"]
    width: int
    groups: tuple[LayerGroup, ...]
    inputs: Any

    def __call__(self, batch: Batch) -> torch.Tensor:
        """Pooled features (B, D) of a prepared batch."""

    def save(self, folder: Path) -> dict[str, Any]:
        """Write the files that rebuilding needs, weights apart; returns the rest as plain values."""
