"""Image backbones from timm: pooled features of images, from any of its architectures."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from upfit.models.backbone import Backbone, Batch
from upfit.models.depthwise import FastDepthwise
from upfit.models.groups import find_groups


@dataclass(frozen=True)
class ImageInput:
    """What an image backbone was trained to see.

    Args:
        size: Side of the square input, in pixels.
        mean: Per-channel mean subtracted from values in 0 to 1.
        std: Per-channel divisor.
        fixed: True when the network accepts no other size.
    """

    size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    fixed: bool = False


class ImageBackbone(Backbone):
    """A timm network without classifier. Batch: `image` (B, 3, H, W) normalised; features (B, D)."""

    def __init__(self, net: nn.Module, *, name: str, inputs: ImageInput) -> None:
        super().__init__()
        self.modality = "image"
        # channels-last is the faster layout for convolutions on CPUs and on tensor cores.
        self.net = net.to(memory_format=torch.channels_last)
        self.name = name
        self.inputs = inputs
        self.groups = find_groups(net)
        self.width = int(net.num_features)  # type: ignore[arg-type]
        if hasattr(net, "head_hidden_size"):
            self.width = int(net.head_hidden_size)  # type: ignore[arg-type]

    def forward(self, batch: Batch) -> torch.Tensor:
        """Pooled features (B, D)."""
        image_BCHW = batch["image"].contiguous(memory_format=torch.channels_last)
        with FastDepthwise():
            features: torch.Tensor = self.net(image_BCHW)
        return features

    def save(self, folder: Path) -> dict[str, Any]:
        """Everything needed to rebuild the architecture, as plain values."""
        architecture = cfg_of(self.net)["architecture"]
        return {
            "library": "timm",
            "architecture": architecture,
            "name": self.name,
            "inputs": asdict(self.inputs),
        }


def cfg_of(net: nn.Module) -> dict[str, Any]:
    """timm's own description of a network's weights."""
    return dict(net.pretrained_cfg)  # type: ignore[arg-type]


def build_timm(architecture: str, *, name: str, pretrained: bool = False, **options: Any) -> ImageBackbone:
    """An `ImageBackbone` of a timm architecture, with timm's own preprocessing constants."""
    # Loading timm takes seconds, and texts need none of it.
    import timm
    from timm.data.config import resolve_data_config

    net = timm.create_model(architecture, pretrained=pretrained, num_classes=0, **options)
    cfg = resolve_data_config({}, model=net)
    inputs = ImageInput(
        size=int(cfg["input_size"][-1]),
        mean=tuple(cfg["mean"]),
        std=tuple(cfg["std"]),
        fixed=bool(cfg_of(net).get("fixed_input_size", False)),
    )
    return ImageBackbone(net, name=name, inputs=inputs)


def load_packaged_efficientnet(weights: Path, *, name: str) -> ImageBackbone:
    """EfficientNet-Lite0 from its package: 247 tensors map in order onto timm's `tf_efficientnet_lite0`."""
    import timm

    backbone = build_timm("tf_efficientnet_lite0", name=name)
    full = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    theirs = torch.load(weights, map_location="cpu", weights_only=True)
    tensors = [value for key, value in theirs.items() if not key.endswith("num_batches_tracked")]
    ours = [key for key in full.state_dict() if not key.endswith("num_batches_tracked")]
    full.load_state_dict(dict(zip(ours, tensors, strict=True)), strict=False)
    kept = backbone.net.state_dict().keys()
    backbone.net.load_state_dict({k: v for k, v in full.state_dict().items() if k in kept})
    return backbone
