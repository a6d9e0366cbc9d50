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


def norms(layers: Layers) -> torch.Tensor:
    """L2 norm of each layer's tensors (L,), left on their device so that nothing has to wait for it.

    Example:
        >>> norms({"a": [torch.tensor([3.0, 4.0])], "b": [torch.zeros(2), torch.ones(1)]}).tolist()
        [5.0, 1.0]
    """
    flat = [_dense(one) for own in layers.values() for one in own]
    each = iter(torch._foreach_norm(flat)) if flat else iter(())
    return torch.stack([torch.stack([next(each).float() for _ in own]).norm() for own in layers.values()])


def norm(tensors: Sequence[torch.Tensor]) -> float:
    """L2 norm over all numbers of some tensors; NaN where there are none.

    Example:
        >>> norm([torch.tensor([3.0]), torch.tensor([4.0])])
        5.0
    """
    if not tensors:
        return math.nan
    return float(norms({"": tensors})[0])


def _dense(tensor: torch.Tensor) -> torch.Tensor:
    """The numbers of a tensor; half precision is summed up in single, as it would overflow."""
    tensor = tensor.coalesce().values() if tensor.is_sparse else tensor
    return tensor if tensor.dtype in (torch.float32, torch.float64) else tensor.float()


def sampled(layers: Layers) -> dict[str, torch.Tensor]:
    """Layer → a copy of about 4,096 of its weights, always the same ones."""
    return {
        name: torch.cat([p.detach().reshape(-1)[:: max(1, p.numel() // TAKEN)] for p in own]).clone()
        for name, own in layers.items()
    }


def moves(before: Mapping[str, torch.Tensor], after: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Size of each layer's step beside its weights (L,), on their device; 0 where those are all zero.

    Example:
        >>> moves({"a": torch.tensor([1.0, 0.0])}, {"a": torch.tensor([1.0, 0.1])}).round(decimals=3).tolist()
        [0.10000000149011612]
    """
    return torch.stack([_move(old, after[name]) for name, old in before.items()])


def _move(before: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
    size = before.norm()
    if before.shape != after.shape:
        return torch.zeros_like(size)
    return torch.where(size > 0, (after - before).norm() / size.clamp_min(1e-30), 0.0)


def has_random_or_batch_layers(model: nn.Module) -> bool:
    """Whether training mode and evaluation mode can differ."""
    kinds = (nn.modules.dropout._DropoutNd, nn.modules.batchnorm._BatchNorm)
    return any(isinstance(m, kinds) and not (hasattr(m, "p") and m.p == 0) for m in model.modules())
