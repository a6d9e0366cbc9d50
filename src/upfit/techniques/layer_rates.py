"""Parameter groups: lower rates for earlier layers, no weight decay on biases and norms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from torch import nn

from upfit.errors import RecipeError, nearest
from upfit.techniques.card import Card


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
    own_rates: Mapping[str, float] | None = None,
) -> list[dict[str, Any]]:
    """Optimizer groups: each layer group twice, with weight decay and (vectors: biases, norms) without.

    Args:
        parameters: Name → parameter.
        groups: Names of each layer group.
        rates: The rate of each layer group.
        weight_decay: Of matrices and larger.
        own_rates: Pattern of names (as in `fnmatch`) → rate, before the layer group's; the first that
            fits counts.

    Raises:
        RecipeError: A pattern fits no parameter.
    """
    patterns = own_rates or {}
    require_fitting(patterns, parameters)
    made: list[dict[str, Any]] = []
    for names, rate in zip(groups, rates, strict=True):
        learning = [name for name in names if parameters[name].requires_grad]
        of_name = {name: own_rate(name, patterns, rate) for name in learning}
        for own in dict.fromkeys((rate, *of_name.values())):
            here = [parameters[name] for name in learning if of_name[name] == own]
            for decayed in (True, False):
                members = [p for p in here if (p.ndim > 1) is decayed]
                if members:
                    decay = weight_decay if decayed else 0.0
                    made.append({"params": members, "lr": own, "base_lr": own, "weight_decay": decay})
    return made


def own_rate(name: str, patterns: Mapping[str, float], otherwise: float) -> float:
    """The rate of the first pattern that fits a parameter's name.

    Example:
        >>> own_rate("net.embed.weight", {"*.embed.*": 1e-5}, 1e-3)
        1e-05
    """
    return next((rate for pattern, rate in patterns.items() if fnmatchcase(name, pattern)), otherwise)


def require_fitting(patterns: Mapping[str, float], names: Iterable[str]) -> None:
    """Raise `RecipeError` for a pattern that fits no parameter."""
    known = list(names)
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in known):
            guess = nearest(pattern.strip("*."), known) or known[0]
            raise RecipeError(
                f"optimizer.rates: no parameter fits {pattern!r}",
                expected="a pattern of parameter names, e.g. " + ", ".join(known[:2]),
                hint=guess,
            )


CARD = Card(
    name="layer_decay",
    switch="optimizer.layer_decay=",
    example="optimizer.layer_decay=0.8",
    row="T4",
    what="Each layer group below the head learns at a rate lower by this factor than the one above it; "
    "biases and norms are never decayed, the head has a rate of its own (optimizer.head_lr), and "
    "optimizer.rates gives single parameters theirs.",
    when="Fine-tuning everything on little data: what the first layers know is general.",
    when_not="Data far from what the backbone has seen, and training from scratch: 1.0.",
    combine="Every optimizer and schedule.",
    source="Clark et al. 2020, arXiv:2003.10555; Bao et al. 2022, arXiv:2106.08254",
)
