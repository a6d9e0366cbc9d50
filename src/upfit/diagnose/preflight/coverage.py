"""Does the optimizer hold the parameters that are to be trained?"""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import nn

from upfit.diagnose.preflight.copies import copies
from upfit.diagnose.preflight.subject import Subject
from upfit.measure.inside.layers import layer_weights

FAR_BELOW = 0.03
"""Of the greatest rate: that of weights which are hardly to move."""


def measure(subject: Subject) -> dict[str, float]:
    """Shares of parameters, counted by element.

    Training the last layers only is a plan (a probe); a frozen last layer above trained ones, or a hole in
    the middle, is not.
    """
    model = subject.model
    facts = _frozen(model, subject.frozen)
    smoothing = getattr(subject.calls.loss_fn, "label_smoothing", None)
    if isinstance(smoothing, float | int):
        facts["loss.smoothing"] = float(smoothing)
    return facts | held(subject) | _settings(subject) if subject.optimizers else facts


def held(subject: Subject) -> dict[str, float]:
    """Which of the weights that want to learn the optimizers hold, and what of theirs is the model's."""
    if not subject.optimizers:
        return {}
    theirs = {id(p): p for one in subject.optimizers for group in one.param_groups for p in group["params"]}
    own = {id(p) for p in subject.model.parameters()}
    wanted = [p for p in subject.model.parameters() if p.requires_grad]
    inside = sum(p.numel() for key, p in theirs.items() if key in own)
    covered = [id(p) in theirs for p in wanted]
    share = sum(p.numel() for p, yes in zip(wanted, covered, strict=True) if yes)
    return {
        "optimizer.in_model": inside / max(1, sum(p.numel() for p in theirs.values())),
        "optimizer.covers": share / max(1, sum(p.numel() for p in wanted)),
        "optimizer.only_top": float(_is_top(covered)),
    }


def _frozen(model: nn.Module, declared: tuple[str, ...]) -> dict[str, float]:
    apart = copies(model) | {
        id(p)
        for n, p in model.named_parameters()
        if not p.requires_grad and n.startswith(declared or ("\0",))
    }
    named = [(n, p) for n, p in model.named_parameters() if id(p) not in apart]
    total = sum(p.numel() for _, p in named)
    trainable = sum(p.numel() for _, p in named if p.requires_grad)
    own = (weights for weights in layer_weights(model).values() if not apart >= {id(p) for p in weights})
    layers = [any(p.requires_grad for p in weights) for weights in own]
    return {
        "trainable.share": trainable / max(1, total),
        "trainable.last_frozen": float(not all(layers[-1:]) and not _are_factors(model)),
        "trainable.only_top": float(_is_top(layers)),
        "trainable.tensors": float(sum(p.requires_grad for _, p in named)),
    }


def _are_factors(model: nn.Module) -> bool:
    """Whether what learns are pairs of thin matrices beside frozen ones of their product's shape."""
    thin = {tuple(p.shape) for p in model.parameters() if p.requires_grad and p.ndim == 2}
    frozen = {tuple(p.shape) for p in model.parameters() if not p.requires_grad and p.ndim == 2}
    made = {
        (wide, inner)
        for rank, inner in thin
        for wide, other in thin
        if rank == other and rank < max(wide, inner)
    }
    both = {one for pair in made for one in (pair, pair[::-1])}
    paired = {side for wide, inner in both & frozen for side in thin if set(side) & {wide, inner}}
    return bool(thin) and thin <= paired


def _is_top(covered: list[bool]) -> bool:
    """Whether those covered are the last ones, without a hole: a head, or the upper layers."""
    if not any(covered):
        return False
    first = covered.index(True)
    return all(covered[first:])


def _settings(subject: Subject) -> dict[str, float]:
    groups: list[dict[str, Any]] = [group for one in subject.optimizers for group in one.param_groups]
    kinds = {type(one).__name__.lower() for one in subject.optimizers}
    rates = [float(g.get("initial_lr", g.get("lr", 0.0))) for g in groups]
    sizes = [sum(p.numel() for p in g["params"]) for g in groups]
    slow = [rate < FAR_BELOW * max(rates) for rate in rates]
    return {
        "optimizer.lr": max(rates),
        # Of the weights: those whose rate lies far below the greatest.
        "optimizer.slow_share": float(np.dot(sizes, slow)) / max(1, sum(sizes)),
        "optimizer.weight_decay": max(float(g.get("weight_decay", 0.0) or 0.0) for g in groups),
        "optimizer.decoupled": float(any("adamw" in kind or "lion" in kind for kind in kinds)),
        "optimizer.sgd": float(kinds == {"sgd"}),
        "optimizer.maximizes": float(any(bool(g.get("maximize", False)) for g in groups)),
    }
