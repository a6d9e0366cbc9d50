"""Layers of a network and the sizes of their weights, gradients and steps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import nn

TAKEN = 4096
"""Weights per layer from which the size of a step is read."""

Layers = Mapping[str, Sequence[torch.Tensor]]
"""Layer → its weights."""


def owners(model: nn.Module) -> dict[str, nn.Module]:
    """Modules that own a weight with two dimensions or more, by name, in order: the layers."""
    return {
        name: module
        for name, module in model.named_modules()
        if any(p.ndim >= 2 for p in module.parameters(recurse=False))
    }


def layer_weights(model: nn.Module) -> dict[str, list[torch.Tensor]]:
    """Layer → its weights (not biases, not gains)."""
    return {
        name or "model": [p for p in module.parameters(recurse=False) if p.ndim >= 2]
        for name, module in owners(model).items()
    }


def norm(tensors: Sequence[torch.Tensor]) -> float:
    """L2 norm over all numbers of some tensors; NaN where there are none.

    Example:
        >>> norm([torch.tensor([3.0]), torch.tensor([4.0])])
        5.0
    """
    if not tensors:
        return math.nan
    dense = [one.coalesce().values() if one.is_sparse else one for one in tensors]
    return float(torch.stack([torch.linalg.vector_norm(one.float()) for one in dense]).norm())


def sampled(layers: Layers) -> dict[str, torch.Tensor]:
    """Layer → a copy of about 4,096 of its weights, always the same ones."""
    return {
        name: torch.cat([p.detach().reshape(-1)[:: max(1, p.numel() // TAKEN)] for p in own]).clone()
        for name, own in layers.items()
    }


def moved_by(before: torch.Tensor, after: torch.Tensor) -> float:
    """Size of a step beside the weights that it moved; 0 where they are all zero, or not the same ones.

    Example:
        >>> round(moved_by(torch.tensor([1.0, 0.0]), torch.tensor([1.0, 0.1])), 3)
        0.1
    """
    size = float(before.norm())
    return float((after - before).norm()) / size if size > 0 and before.shape == after.shape else 0.0


def has_random_or_batch_layers(model: nn.Module) -> bool:
    """Whether training mode and evaluation mode can differ."""
    kinds = (nn.modules.dropout._DropoutNd, nn.modules.batchnorm._BatchNorm)
    return any(isinstance(m, kinds) and not (hasattr(m, "p") and m.p == 0) for m in model.modules())
