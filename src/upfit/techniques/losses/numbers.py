"""What losses of numbers share: one output for one target, or a message instead of broadcasting."""

from __future__ import annotations

import torch

from upfit.errors import InputError


def paired(outputs_B1: torch.Tensor, targets_B: torch.Tensor) -> torch.Tensor:
    """Outputs (B,) that stand beside their targets.

    Left to itself, torch subtracts (B, 1) from (B,) as every target from every output.

    Args:
        outputs_B1: (B, 1).
        targets_B: (B,).

    Raises:
        InputError: Other shapes.

    Example:
        >>> paired(torch.zeros(2, 1), torch.ones(2))
        tensor([0., 0.])
    """
    if outputs_B1.shape != (len(targets_B), 1) or targets_B.ndim != 1:
        given = f"outputs {tuple(outputs_B1.shape)} and targets {tuple(targets_B.shape)}"
        raise InputError(
            "a loss of numbers takes one output for each target",
            expected="outputs (B, 1) and targets (B,)",
            got=given,
            hint="targets.squeeze(1)" if targets_B.ndim == 2 else "outputs.reshape(-1, 1)",
        )
    return outputs_B1.squeeze(1)
