"""Parameter groups: lower rates for earlier layers, no weight decay on biases and norms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from torch import nn


def layer_rates(groups: int, *, lr: float, head_lr: float, decay: float) -> list[float]:
    """The rate of each group, input first: the head's own, then `lr · decay^distance` going down.

    Source: Clark et al. 2020 (ELECTRA), Bao et al. 2022 (BEiT).

    Example:
        >>> layer_rates(3, lr=1.0, head_lr=5.0, decay=0.5)
        [0.5, 1.0, 5.0]
    """
    body = [lr * decay**distance for distance in range(groups - 1)]
    return [*reversed(body), head_lr]


def parameter_groups(
    parameters: Mapping[str, nn.Parameter],
    groups: Iterable[tuple[str, ...]],
    rates: Iterable[float],
    *,
    weight_decay: float,
) -> list[dict[str, Any]]:
    """Optimiser groups: each layer group twice, with weight decay and (vectors: biases, norms) without."""
    made: list[dict[str, Any]] = []
    for names, rate in zip(groups, rates, strict=True):
        here = [parameters[name] for name in names if parameters[name].requires_grad]
        for decayed in (True, False):
            members = [p for p in here if (p.ndim > 1) is decayed]
            if members:
                decay = weight_decay if decayed else 0.0
                made.append({"params": members, "lr": rate, "base_lr": rate, "weight_decay": decay})
    return made
