"""Traces made by hand, for rules: healthy ones, and ones with a given illness."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from upfit.values import Evaluation, Event, Step, Trace
from upfit.values.trace import Health

HEALTHY_FACTS: dict[str, float] = {
    "trainable.tensors": 6.0,
    "trainable.share": 1.0,
    "trainable.last_frozen": 0.0,
    "optimizer.in_model": 1.0,
    "optimizer.covers": 1.0,
    "optimizer.only_top": 1.0,
    "optimizer.lr": 1e-3,
    "weights.layers": 3.0,
    "weights.identical": 0.0,
    "weights.scale": 0.6,
    "weights.largest_scale": 1.0,
    "inputs.examples": 1000.0,
    "inputs.not_finite": 0.0,
    "inputs.spread": 1.0,
    "inputs.low": -3.0,
    "inputs.high": 3.0,
    "inputs.largest_column": 1.1,
    "inputs.smallest_column": 0.9,
    "skew.shift": 0.01,
    "skew.ratio": 1.02,
    "labels.examples": 1000.0,
    "labels.seen": 10.0,
    "labels.classes": 10.0,
    "labels.rarest_share": 0.09,
    "labels.ratio": 1.2,
    "labels.whole_numbers": 1.0,
    "order.repeated": 0.0,
    "order.chained": 0.01,
    "order.batches": 30.0,
    "order.batch": 32.0,
    "order.last_batch": 16.0,
    "leaks.shared": 0.0,
    "leaks.distinct": 1.0,
    "start.loss": 2.31,
    "start.chance": 2.303,
    "modes.disagree": 0.0,
    "modes.dropout": 0.1,
    "mixing.change": 0.0,
    "shapes.differ": 0.0,
    "output.low": -400.0,
    "output.high": 400.0,
    "output.width": 10.0,
    "output.least": 0.0,
    "output.least_free": 0.0,
    "output.loss_knowing_nothing": 2.303,
    "output.sums_to_one": 0.0,
    "units.dead": 0.1,
    "units.rectifiers": 2.0,
    "gradients.attached": 1.0,
    "gradients.wanted": 6.0,
    "gradients.loss": 2.31,
    "gradients.norm": 0.5,
    "gradients.finite": 1.0,
    "gradients.layers": 3.0,
    "gradients.first": 0.1,
    "gradients.first_over_last": 0.5,
    "descent.moved": 1.0,
    "descent.cosine": 0.4,
    "descent.update_ratio": 0.01,
    "decay.pull": 0.01,
    "one_batch.start": 2.3,
    "one_batch.end": 0.01,
    "one_batch.steps": 60.0,
    "one_batch.score": 1.0,
    "rates.start": 2.3,
    "rates.tenth": 2.29,
    "rates.as_set": 2.2,
    "rates.ten": 1.5,
    "rates.hundred": 2.4,
    "rates.worst": 2.32,
    "rates.diverged": 0.0,
    "reference.score": 0.93,
    "reference.chance": 0.1,
    "reference.by_luck": 0.13,
    "reference.examples": 600.0,
    "reference.contradicted": 0.02,
    "reference.clear_share": 0.9,
    "wiring.steps": 8.0,
    "wiring.clip_ratio": 1.0,
}
"""What the one-step tests measure on a healthy classifier of ten classes."""


def falling(start: float, end: float, steps: int) -> list[float]:
    """A loss that falls exponentially."""
    return [end + (start - end) * math.exp(-5 * i / max(1, steps - 1)) for i in range(steps)]


def made_trace(
    losses: Sequence[float] = (),
    *,
    validation: Sequence[tuple[float, float]] = (),
    facts: Mapping[str, float] | None = None,
    healths: Sequence[Health] = (),
    norms: Sequence[float] = (),
) -> Trace:
    """A Trace of one step per loss.

    Args:
        losses: Training loss per step.
        validation: (loss, accuracy) per evaluation, spread evenly over the steps.
        facts: What one-step tests measured.
        healths: Looks inside.
        norms: Gradient norm per step; NaN where there are fewer.

    Example:
        >>> made_trace([2.0, 1.0], validation=[(1.5, 0.4)]).evaluations[0].step
        2
    """
    known = [*norms, *[math.nan] * (len(losses) - len(norms))]
    steps = tuple(
        Step(i + 1, (i + 1) / 30, loss, 1e-3, known[i], 32, 0.01 * i, 100.0) for i, loss in enumerate(losses)
    )
    every = max(1, len(losses) // max(1, len(validation)))
    evaluations = tuple(
        Evaluation(every * (i + 1), every * (i + 1) / 30, loss, {"accuracy": accuracy}, False, 0.0)
        for i, (loss, accuracy) in enumerate(validation)
    )
    events = () if facts is None else (Event(0, "measured", "one-step tests", dict(facts)),)
    return Trace(steps, evaluations, events, tuple(healths))


def healthy_trace(**facts: float) -> Trace:
    """A run that went well, with some of its facts changed: `healthy_trace(**{"labels.seen": 1.0})`."""
    losses = falling(2.31, 0.1, 300)
    validation = [(loss + 0.05, 1 - loss / 2.6) for loss in losses[29::30]]
    return made_trace(losses, validation=validation, facts={**HEALTHY_FACTS, **facts})
