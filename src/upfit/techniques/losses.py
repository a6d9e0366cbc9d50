"""Losses as functions (logits, targets) → one loss per example."""

from __future__ import annotations

import torch
from torch.nn import functional


def cross_entropy(
    logits_BK: torch.Tensor, targets_B: torch.Tensor, *, label_smoothing: float = 0.0
) -> torch.Tensor:
    """Cross-entropy (B,) in nats; smoothing spreads a fraction over all classes (Szegedy et al. 2016)."""
    return functional.cross_entropy(logits_BK, targets_B, reduction="none", label_smoothing=label_smoothing)


def binary_cross_entropy(
    logits_BK: torch.Tensor, targets_BK: torch.Tensor, *, label_smoothing: float = 0.0
) -> torch.Tensor:
    """Mean over K independent labels of the binary cross-entropy (B,); smoothing pulls towards 1/2."""
    smoothed_BK = targets_BK * (1 - label_smoothing) + label_smoothing / 2
    losses_BK = functional.binary_cross_entropy_with_logits(
        logits_BK, smoothed_BK.to(logits_BK.dtype), reduction="none"
    )
    return losses_BK.mean(dim=1)


def squared_error(outputs_B1: torch.Tensor, targets_B: torch.Tensor) -> torch.Tensor:
    """Squared error (B,) of one output per example; both in the targets' standard units."""
    return (outputs_B1.squeeze(1) - targets_B).square()
