"""Which parameters a penalty on the weights speaks of."""

from __future__ import annotations

from torch import nn


def learning_weights(network: nn.Module) -> dict[str, nn.Parameter]:
    """Parameters that learn and have more than one dimension: biases and norms are never penalised.

    Example:
        >>> list(learning_weights(nn.Sequential(nn.Linear(2, 3), nn.LayerNorm(3))))
        ['0.weight']
    """
    return {name: p for name, p in network.named_parameters() if p.requires_grad and p.ndim > 1}
