"""Settling a recipe: every `auto` becomes a value, from the data, the backbone and what the machine can do.

The rules and the measurements behind them are in `bench/results/defaults.md`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from upfit.models.backbone import Backbone
from upfit.techniques import Ema, build
from upfit.train.tune import Plan
from upfit.values import Data, Recipe, Rows, Technique

MIN_STEPS = 8
"""With fewer affordable steps than this, tuning would only harm: the probe is the result."""
EVALUATION_SHARE = 0.12
"""Greatest part of the tuning time that evaluations may take."""


@dataclass(frozen=True)
class Costs:
    """Seconds measured on this machine.

    Args:
        step: One training step of the settled batch size.
        evaluation: One evaluation on validation.
        left: Seconds left for tuning and its evaluations; None for no limit.
    """

    step: float
    evaluation: float
    left: float | None


def settle_inputs(recipe: Recipe, data: Data, backbone: Backbone, rows: Rows) -> Recipe:
    """Settle how examples are shown: image side in pixels, text length in tokens."""
    inputs = recipe.inputs
    if backbone.modality == "text":
        limit = backbone.inputs.max_length
        length = limit if inputs.max_length == "auto" else min(inputs.max_length, limit)
        return recipe.replace(inputs=inputs.replace(max_length=length))
    size = inputs.image_size
    if size == "auto" or backbone.inputs.fixed:
        size = backbone.inputs.size if backbone.inputs.fixed else image_size(data, rows, backbone.inputs.size)
    return recipe.replace(inputs=inputs.replace(image_size=size))


def image_size(data: Data, rows: Rows, trained_at: int) -> int:
    """The side to resize to: about what the images have, between 96 pixels and 144.

    Above, a 2-core machine affords too few epochs; below, convolutional features fade.
    """
    some = rows[: 2000]
    table = data.table.select_columns(["__width__", "__height__"])[some.tolist()]
    sides = np.minimum(np.asarray(table["__width__"]), np.asarray(table["__height__"]))
    native = float(np.median(sides)) if len(sides) else float(trained_at)
    return int(min(trained_at, 144, max(96, 16 * math.ceil(native / 16))))


def settle(recipe: Recipe, *, modality: Literal["image", "text"], count: int, outputs: int) -> Recipe:
    """Settle optimizer, batch, norms and length of training.

    Args:
        recipe: With inputs settled.
        modality: What the backbone reads.
        count: Training rows.
        outputs: K.
    """
    image = modality == "image"
    size = recipe.batching.size
    if size == "auto":
        size = 32 if count >= 200 else max(4, count // 8)
    lr = recipe.optimizer.lr
    if lr == "auto":
        lr = 5e-4 if image else 2e-4
    head_lr = recipe.optimizer.head_lr
    if head_lr == "auto":
        head_lr = 1e-3
    decay = recipe.optimizer.layer_decay
    if decay == "auto":
        decay = 0.9
    norms = recipe.layers.batch_norm
    if norms == "auto":
        norms = "updated" if image else "frozen"
    policy = recipe.augment.policy
    if policy == "auto":
        policy = "light" if image else "none"
    epochs = recipe.stopping.epochs
    if epochs == "auto":
        epochs = wanted_epochs(count)
    return recipe.replace(
        optimizer=recipe.optimizer.replace(lr=lr, head_lr=head_lr, layer_decay=decay),
        batching=recipe.batching.replace(size=size),
        layers=recipe.layers.replace(batch_norm=norms),
        augment=recipe.augment.replace(policy=policy, flip=recipe.augment.flip is True),
        stopping=recipe.stopping.replace(epochs=epochs),
    )


def wanted_epochs(count: int) -> float:
    """Passes over the data when time is no object: about 20,000 examples seen, 3 passes to 20.

    Example:
        >>> wanted_epochs(320), wanted_epochs(2_000), wanted_epochs(1_000_000)
        (20.0, 10.0, 3.0)
    """
    return float(min(20, max(3, round(20_000 / max(1, count)))))


def settle_own(recipe: Recipe, *, count: int) -> Recipe:
    """Settle a recipe for a module that nothing is known about: one rate for all layers, norms as they are."""
    given = recipe.optimizer
    lr = 1e-3 if given.lr == "auto" else given.lr
    head_lr = lr if given.head_lr == "auto" else given.head_lr
    decay = 1.0 if given.layer_decay == "auto" else given.layer_decay
    epochs = wanted_epochs(count) if recipe.stopping.epochs == "auto" else recipe.stopping.epochs
    return recipe.replace(
        optimizer=given.replace(lr=lr, head_lr=head_lr, layer_decay=decay),
        stopping=recipe.stopping.replace(epochs=epochs),
    )


def make_plan(recipe: Recipe, *, per_epoch: int, costs: Costs, least: int = MIN_STEPS) -> Plan | None:
    """Steps and evaluations that fit the time; None if too few steps do.

    Args:
        recipe: Settled.
        per_epoch: Batches per epoch.
        costs: What things cost here and how much time is left.
        least: Fewest steps worth taking.
    """
    stopping = recipe.stopping
    assert stopping.epochs != "auto"
    total = stopping.steps or max(1, round(stopping.epochs * per_epoch))
    if costs.left is not None:
        fits = int((costs.left - costs.evaluation) * (1 - EVALUATION_SHARE) / max(1e-6, costs.step))
        if fits < min(total, least) and least > 1:
            return None
        total = min(total, max(1, fits))
    count = stopping.evaluations
    if count == "auto":
        count = _evaluations(total, per_epoch, costs)
    return Plan(total, max(1, math.ceil(total / count)))


def _evaluations(total: int, per_epoch: int, costs: Costs) -> int:
    """About one an epoch, 4 to 20, as far as the share of time that they may take allows."""
    wanted = min(20, max(4, round(total / per_epoch)))
    affordable = EVALUATION_SHARE * total * costs.step / max(1e-6, costs.evaluation)
    return max(1, min(wanted, int(affordable) if affordable >= 2 else 2, total))


def settle_techniques(recipe: Recipe, total_steps: int) -> Recipe:
    """Give techniques that depend on the run's length their values."""
    settled = []
    for technique in recipe.techniques:
        part = build(technique)
        if isinstance(part, Ema):
            part = part.settle(total_steps)
        settled.append(Technique(name=technique.name, **part.model_dump()))
    return recipe.replace(techniques=tuple(settled))
