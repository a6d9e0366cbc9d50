"""Asking a loader's data set for the same examples twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.utils.data import IterableDataset


def can_be_asked(dataset: Any) -> bool:
    """Whether examples can be had by their number: of streams they cannot."""
    return hasattr(dataset, "__getitem__") and not isinstance(dataset, IterableDataset)


def alike(one: Sequence[torch.Tensor], other: Sequence[torch.Tensor]) -> bool:
    """Whether both hold the same numbers; NaN equals NaN.

    >>> alike([torch.tensor([1.0, float("nan")])], [torch.tensor([1.0, float("nan")])])
    True
    >>> alike([torch.tensor([0.0])], [torch.tensor([float("nan")])])
    False
    """
    return len(one) == len(other) and all(_same(a, b) for a, b in zip(one, other, strict=True))


def _same(a: torch.Tensor, b: torch.Tensor) -> bool:
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    return torch.allclose(a, b, rtol=0, atol=0, equal_nan=True)
