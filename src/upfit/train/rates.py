"""Settling the optimizer: which rates `auto` means, for which optimizer and which batch."""

from __future__ import annotations

from dataclasses import dataclass

from upfit.techniques.batch_scaling import REFERENCE_SIZE, scaled_rate
from upfit.techniques.optimizers import ADAM_LIKE, default_weight_decay
from upfit.values.recipe import Optimizer


@dataclass(frozen=True)
class DefaultRates:
    """What AdamW, or another optimizer, was measured to do well with.

    Args:
        lr: Rate of the uppermost layer group of the backbone, at batches of 32.
        head_lr: Rate of the head.
        layer_decay: Factor from each layer group to the one below.
        optimizers: Whose rates these are, by name.
    """

    lr: float
    head_lr: float
    layer_decay: float
    optimizers: frozenset[str] = ADAM_LIKE


def settle_optimizer(given: Optimizer, ours: DefaultRates, *, size: int = REFERENCE_SIZE) -> Optimizer:
    """Fill in the optimizer's `auto` fields for batches of `size`; what is stated is kept.

    AdamW's rates hold for optimizers whose steps are as long as the rate. For those that nobody has measured
    `auto` becomes `range_test`, and the head's rate follows the backbone's.

    Example:
        >>> ours = DefaultRates(lr=3e-4, head_lr=1e-3, layer_decay=0.9)
        >>> settle_optimizer(Optimizer(), ours, size=128).lr
        0.0006
        >>> settle_optimizer(Optimizer(name="sgd"), ours).lr
        'range_test'
    """
    decay = ours.layer_decay if given.layer_decay == "auto" else given.layer_decay
    shrink = default_weight_decay(given.name) if given.weight_decay == "auto" else given.weight_decay
    settled = given.replace(layer_decay=decay, weight_decay=shrink)
    lr: float | str = given.lr
    if lr == "auto":
        lr = scaled_rate(ours.lr, size, optimizer=given.name) if _measured(given, ours) else "range_test"
    if isinstance(lr, str):
        return settled.replace(lr=lr)
    head = given.head_lr
    if head == "auto" and _measured(given, ours):
        head = scaled_rate(ours.head_lr, size, optimizer=given.name)
    return following(settled.replace(head_lr=head), lr, ours)


def following(given: Optimizer, rate: float, ours: DefaultRates) -> Optimizer:
    """The optimizer at a rate; the head's keeps its distance from it where it is `auto`.

    Example:
        >>> ours = DefaultRates(lr=1e-3, head_lr=2e-3, layer_decay=0.9)
        >>> following(Optimizer(lr="range_test"), 0.5, ours).head_lr
        1.0
    """
    head = rate * ours.head_lr / ours.lr if given.head_lr == "auto" else given.head_lr
    return given.replace(lr=rate, head_lr=head)


def with_rate(given: Optimizer, rate: float, ours: DefaultRates) -> Optimizer:
    """The optimizer with the rate that a range test chose, for the head no more than is known to suit.

    A climb cannot see that a head which starts at the probe is unlearned by a high rate: tuned on 320 short
    texts, 0.0037 in place of AdamW's 0.001 for the head cost four points.

    Example:
        >>> ours = DefaultRates(lr=1e-3, head_lr=2e-3, layer_decay=0.9)
        >>> with_rate(Optimizer(lr="range_test"), 0.5, ours).head_lr
        0.002
        >>> with_rate(Optimizer(name="sgd", lr="range_test"), 0.5, ours).head_lr
        1.0
    """
    settled = following(given, rate, ours)
    if given.head_lr != "auto" or not _measured(given, ours):
        return settled
    assert not isinstance(settled.head_lr, str)
    return settled.replace(head_lr=min(settled.head_lr, ours.head_lr))


def _measured(given: Optimizer, ours: DefaultRates) -> bool:
    """Whether the rates are those of this optimizer, too."""
    return given.name.lower() in ours.optimizers
