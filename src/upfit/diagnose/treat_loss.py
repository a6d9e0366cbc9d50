"""Cures of the loss: the one that takes logits, and outputs in the shape of the targets."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch.nn import functional as F

from upfit.values import Change

LOSS, SHAPES = "loss.name", "loss.shapes"
OF_LOGITS = ("cross_entropy", "binary_cross_entropy")


def mended_loss(loss_fn: Callable[..., Any], changes: Iterable[Change]) -> Callable[..., Any]:
    """The loss that the changes ask for; the given one where they ask for none.

    Args:
        loss_fn: `loss_fn(output, target)`.
        changes: `loss.name` (`cross_entropy`, `binary_cross_entropy`) and `loss.shapes` count.

    >>> loss = mended_loss(F.mse_loss, [Change(path="loss.shapes", to="equal")])
    >>> float(loss(torch.tensor([[1.0], [2.0]]), torch.tensor([1.0, 2.0])))
    0.0
    """
    to = {change.path: change.to for change in changes if change.path in (LOSS, SHAPES)}
    if to.get(LOSS) == "cross_entropy":
        return of_classes
    if to.get(LOSS) == "binary_cross_entropy":
        return of_labels
    if to.get(SHAPES) == "equal":
        return lambda output, target: loss_fn(_shaped_like(target, output), target)
    return loss_fn


def of_classes(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of logits: binary where there is one of them, of classes where there are several.

    Args:
        output: (B,), (B, 1), (B, K), or (B, …, K) of sequences whose targets are (B, …).
        target: Class numbers of any type, (B,), (B, 1) or (B, …); or one-hot (B, K).

    >>> round(float(of_classes(torch.zeros(4, 1), torch.tensor([0, 1, 0, 1]))), 4)
    0.6931
    >>> round(float(of_classes(torch.zeros(4, 3), torch.tensor([[0.0], [1.0], [2.0], [0.0]]))), 4)
    1.0986
    """
    if output.ndim == 1 or output.shape[-1] == 1:
        return of_labels(output.reshape(-1), target.reshape(-1))
    if output.shape == target.shape:
        return F.cross_entropy(output, target.float())
    last = output.shape[:-1] == target.shape
    output = output if last or output.ndim == 2 else output.movedim(1, -1)
    return F.cross_entropy(output.reshape(-1, output.shape[-1]), target.reshape(-1).long())


def of_labels(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Binary cross-entropy of logits, each by itself; output and target of one shape."""
    return F.binary_cross_entropy_with_logits(output, target.to(output.dtype))


def _shaped_like(target: Any, output: Any) -> Any:
    """Outputs in the shape of as many targets."""
    both = isinstance(output, torch.Tensor) and isinstance(target, torch.Tensor)
    return output.reshape(target.shape) if both and output.numel() == target.numel() else output
