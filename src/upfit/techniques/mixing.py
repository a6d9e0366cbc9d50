"""What mixing techniques share: whom an example is mixed with, how much, and how the loss is told."""

from __future__ import annotations

import numpy as np
import torch

from upfit.errors import InputError
from upfit.techniques.draw import numpy_of
from upfit.techniques.seams import Batch

PIXELS = ("image", "inputs")
"""Where a batch holds what can be mixed before the network sees it."""


def pixels_of(batch: Batch, technique: str) -> str:
    """The name of the batch's inputs that can be mixed; raises `InputError` where there are none."""
    name = next((known for known in PIXELS if known in batch), None)
    inputs = None if name is None else batch[name]
    if name is None or not isinstance(inputs, torch.Tensor) or not inputs.is_floating_point():
        kind = inputs.dtype if isinstance(inputs, torch.Tensor) else type(inputs).__name__
        raise InputError(
            f"{technique} cannot mix these inputs", expected="one tensor of real numbers", got=str(kind)
        )
    return name


def drawn(
    batch: Batch, rng: torch.Generator, *, alpha: float, probability: float
) -> np.random.Generator | None:
    """Random numbers to mix this batch by; None where it stays whole.

    A batch is mixed with a probability, and by one technique only. Without strength nothing is drawn.
    """
    if not alpha or not probability:
        return None
    random = numpy_of(rng)
    # The draw comes first: what another technique did must not shift the numbers that follow.
    due = random.random() < probability and "other_target" not in batch
    return random if due else None


def with_other(batch: Batch, other_target: torch.Tensor, share: float) -> Batch:
    """The batch with the labels that were mixed in, and their share (B,) of the loss."""
    share_B = torch.full((len(other_target),), share, device=other_target.device)
    return {**batch, "other_target": other_target, "other_share": share_B}
