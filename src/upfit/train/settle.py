"""Settling a recipe: every `auto` becomes a value, from the data, the backbone and what the machine can do.

The rules and the measurements behind them are in `bench/results/defaults.md`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np

from upfit.models.backbone import Backbone
from upfit.techniques import settled
from upfit.techniques.losses import settled as settled_loss
from upfit.train.costs import image_seconds
from upfit.train.keeping import choose_keeping
from upfit.train.rates import DefaultRates, settle_optimizer
from upfit.train.tune import Plan
from upfit.values import Data, Recipe, Rows, Task, Technique, Value
from upfit.values.recipe import Optimizer

V = TypeVar("V", bound=Value)

MIN_STEPS = 8
"""With fewer affordable steps than this, tuning would only harm: the probe is the result."""
PROBED_SIZE = 96
"""Side at which the speed of an image backbone is tried, in pixels."""
LARGEST = 160
"""Largest side chosen by itself: above, the gain is small and the cost is not."""
EPOCHS, TUNING_SHARE = 6, 0.6
"""A size is affordable if so many epochs take at most this part of the time left."""
CACHE_SHARE = 0.15
"""Greatest part of the time left that computing activations of frozen layers may take."""
SGD_IMAGES, SGD_TEXTS, SGD_HEAD = 0.1, 0.03, 0.1
"""Rates of SGD with clipped gradients."""
ADAPTERS_RATE = 10.0
"""How much faster than weights the adapters beside them learn."""
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


def settle_inputs(
    recipe: Recipe, data: Data, backbone: Backbone, rows: Rows, *, left: float | None = None
) -> Recipe:
    """Settle how examples are shown: image side in pixels, text length in tokens.

    Args:
        recipe: What it states is kept.
        data: The user's.
        backbone: Loaded.
        rows: Training rows.
        left: Seconds of the budget that are left; None for no limit.
    """
    inputs = recipe.inputs
    if backbone.modality == "text":
        limit = backbone.inputs.max_length
        length = limit if inputs.max_length == "auto" else min(inputs.max_length, limit)
        return recipe.replace(inputs=inputs.replace(max_length=length))
    size = inputs.image_size
    if backbone.inputs.fixed:
        size = backbone.inputs.size
    elif size == "auto":
        per_image = 0.0
        if left is not None:
            # With no time left the answer is the smallest side, whatever a pass costs.
            per_image = image_seconds(backbone) if left > 0 else math.inf
        epoch = per_image * len(rows)
        size = image_size(native_size(data, rows), backbone.inputs.size, epoch_seconds=epoch, left=left)
    cache = inputs.cache
    if cache == "auto":
        # The head alone sees every image once: its features are kept.
        once = recipe.layers.train == "head"
        cache = "off" if once else choose_keeping(data, rows, size=size, augment=recipe.augment)
    return recipe.replace(inputs=inputs.replace(image_size=size, cache=cache))


def image_size(native: float, trained_at: int, *, epoch_seconds: float, left: float | None) -> int:
    """The side to resize to: what the images have, less where that leaves too few epochs.

    Args:
        native: Median shorter side of the images, in pixels.
        trained_at: Side that the backbone was trained at.
        epoch_seconds: One epoch at `PROBED_SIZE`; the cost grows with the square of the side.
        left: Seconds left; None for no limit.

    Example:
        >>> image_size(105, 224, epoch_seconds=24, left=100), image_size(105, 224, epoch_seconds=0, left=None)
        (64, 112)
    """
    most = int(min(trained_at, LARGEST, max(96, 16 * math.ceil(native / 16))))
    # Strokes survive shrinking, photographs much less.
    least = int(min(128, max(64, 16 * round(0.6 * native / 16))))
    for size in range(most, least, -16):
        seconds = EPOCHS * epoch_seconds * (size / PROBED_SIZE) ** 2
        if left is None or seconds <= TUNING_SHARE * left:
            return size
    return min(least, most)


def native_size(data: Data, rows: Rows) -> float:
    """Median shorter side of the images, in pixels."""
    table = data.table.select_columns(["__width__", "__height__"])[rows[:2000].tolist()]
    return float(np.median(np.minimum(np.asarray(table["__width__"]), np.asarray(table["__height__"]))))


def settle(recipe: Recipe, *, modality: Literal["image", "text"], task: Task, count: int) -> Recipe:
    """Settle optimizer, batch, norms, regularisation and length of training.

    Args:
        recipe: With inputs settled; what it states is kept.
        modality: What the backbone reads.
        task: What is predicted.
        count: Training rows.
    """
    ours = defaults(modality, task, count)
    size = ours["size"] if isinstance(recipe.batching.size, str) else recipe.batching.size
    epochs = recipe.stopping.epochs
    return recipe.replace(
        head=_filled(recipe.head, ours),
        loss=settled_loss(recipe.loss, task, label_smoothing=ours["label_smoothing"]),
        optimizer=settle_optimizer(recipe.optimizer, default_rates(recipe, modality, task), size=size),
        layers=_filled(recipe.layers, ours),
        # A list of transforms says itself whether it flips.
        augment=recipe.augment if isinstance(recipe.augment.policy, tuple) else _filled(recipe.augment, ours),
        batching=recipe.batching.replace(size=size),
        stopping=recipe.stopping.replace(epochs=wanted_epochs(count) if epochs == "auto" else epochs),
    )


def defaults(modality: Literal["image", "text"], task: Task, count: int) -> dict[str, Any]:
    """What `auto` means, field by field."""
    image = modality == "image"
    regression = task == "regression"
    return {
        # A regression probe starts the head so far along its features that the backbone follows it.
        "init": "fresh" if regression else "probe",
        "label_smoothing": 0.1 if task in ("binary", "multiclass") else 0.0,
        "batch_norm": "frozen",
        "dropout": 0.0 if image else 0.1,
        "policy": "light" if image else "none",
        "flip": False,
        "size": 32 if count >= 200 else max(4, count // 8),
    }


def default_rates(recipe: Recipe, modality: Literal["image", "text"], task: Task) -> DefaultRates:
    """What rates `auto` means at batches of 32; adapters learn at ten times the rate of weights.

    Smaller rates below cost images of drawn letters two points, and were noise on clothes and on texts
    (`bench/results/techniques.md`). LoRA at the rates of full fine-tuning was seven points behind it on
    texts and thirteen on letters; at ten times, one and two. SGD's are for gradients clipped at a norm of 1,
    which makes its steps comparable from one network to the next.
    """
    regression, adapted = task == "regression", recipe.layers.adapter.name != "none"
    if _is_clipped_sgd(recipe) and not (regression or adapted):
        lr, decay = (SGD_IMAGES, 1.0) if modality == "image" else (SGD_TEXTS, 0.9)
        return DefaultRates(lr, head_lr=SGD_HEAD, layer_decay=decay, optimizers=frozenset({"sgd"}))
    faster = ADAPTERS_RATE if adapted and recipe.layers.train != "head" else 1.0
    if modality == "image":
        return DefaultRates(lr=faster * 1e-3, head_lr=1e-3, layer_decay=1.0)
    lr, decay = (2e-4, 1.0) if regression else (3e-4, 0.9)
    return DefaultRates(lr=faster * lr, head_lr=1e-3, layer_decay=decay)


def _is_clipped_sgd(recipe: Recipe) -> bool:
    """Whether it is SGD as it was measured: Nesterov momentum of 0.9, gradients clipped at a norm of 1."""
    optimizer, clip = recipe.optimizer, recipe.technique("clip")
    plain = optimizer.name.lower() == "sgd" and optimizer.momentum is None and not optimizer.options
    return plain and clip is not None and clip.settings.get("norm", 1.0) == 1.0


def _filled(part: V, ours: dict[str, Any]) -> V:
    """The part of a recipe with its `auto` fields filled in, as far as there is a rule for them."""
    fields = type(part).model_fields
    missing = [name for name in fields if getattr(part, name) == "auto" and name in ours]
    return part.replace(**{name: ours[name] for name in missing})


def wanted_epochs(count: int) -> float:
    """Passes over the data when time is no object: about 20,000 examples seen, 3 passes to 20.

    Example:
        >>> wanted_epochs(320), wanted_epochs(2_000), wanted_epochs(1_000_000)
        (20.0, 10.0, 3.0)
    """
    return float(min(20, max(3, round(20_000 / max(1, count)))))


def settle_cache(recipe: Recipe, *, once: float, left: float | None) -> Recipe:
    """Settle whether activations of frozen layers are kept: where each is read more often than computed.

    Args:
        recipe: Settled but for this.
        once: Seconds of one forward pass over training and validation rows.
        left: Seconds left; None for no limit.

    Example:
        >>> recipe = Recipe(stopping={"epochs": 5})
        >>> [settle_cache(recipe, once=once, left=100).layers.cache for once in (1, 50)]
        ['fp32', 'off']
    """
    if recipe.layers.cache != "auto":
        return recipe
    views, epochs = recipe.augment.views or 1, recipe.stopping.epochs
    assert epochs != "auto", "the recipe has to be settled first"
    pays = epochs > views and (left is None or views * once <= CACHE_SHARE * left)
    return recipe.replace(layers=recipe.layers.replace(cache="fp32" if pays else "off"))


def settle_own(recipe: Recipe, *, count: int, task: Task = "multiclass") -> Recipe:
    """Settle a recipe for a module that nothing is known about: one rate for all layers."""
    epochs = wanted_epochs(count) if recipe.stopping.epochs == "auto" else recipe.stopping.epochs
    return recipe.replace(
        compile="off" if recipe.compile == "auto" else recipe.compile,
        batching=recipe.batching.replace(workers=recipe.batching.loaders),
        loss=settled_loss(recipe.loss, task, label_smoothing=0.0),
        optimizer=settle_optimizer(recipe.optimizer, own_rates(recipe.optimizer)),
        stopping=recipe.stopping.replace(epochs=epochs),
        layers=recipe.layers.replace(train="all") if recipe.layers.train == "auto" else recipe.layers,
    )


USUAL = 1e-3
"""What people begin with, for AdamW on a module of their own."""


def own_rates(given: Optimizer) -> DefaultRates:
    """One rate for all layers: 0.001, or the one that is stated; measured for no optimizer at all.

    A linear layer on iris has 33 % right after 100 steps of AdamW at 0.001 and 99 % at 0.03, and a pretrained
    transformer is unlearned at 0.001: nothing suits every module, so that `auto` is a range test.
    """
    lr = USUAL if isinstance(given.lr, str) else given.lr
    return DefaultRates(lr=lr, head_lr=lr, layer_decay=1.0, optimizers=frozenset())


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
    wanted = total = stopping.steps or max(1, round(stopping.epochs * per_epoch))
    if costs.left is not None:
        fits = int((costs.left - costs.evaluation) * (1 - EVALUATION_SHARE) / max(1e-6, costs.step))
        if fits < min(total, least) and least > 1:
            return None
        total = min(total, max(1, fits))
    count = stopping.evaluations
    if count == "auto":
        count = _evaluations(total, per_epoch, costs)
    return Plan(total, max(1, math.ceil(total / count)), wanted, costs.evaluation)


def _evaluations(total: int, per_epoch: int, costs: Costs) -> int:
    """About one an epoch, 4 to 20; under a budget, as far as the share of time that they may take allows."""
    wanted = min(20, max(4, round(total / per_epoch)))
    if costs.left is None:
        # No clock may have a say: the same seed has to give the same run.
        return min(wanted, total)
    affordable = EVALUATION_SHARE * total * costs.step / max(1e-6, costs.evaluation)
    return max(1, min(wanted, int(affordable) if affordable >= 2 else 2, total))


def settle_techniques(recipe: Recipe, total_steps: int) -> Recipe:
    """Give techniques that depend on the run's length their values."""
    techniques = [
        Technique(name=technique.name, **settled(technique, total_steps).model_dump())
        for technique in recipe.techniques
    ]
    return recipe.replace(techniques=tuple(techniques))
