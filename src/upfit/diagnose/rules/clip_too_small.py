"""Clipping that leaves nothing of the gradient."""

from __future__ import annotations

import math

import numpy as np

from upfit.diagnose.rule import Rule, found
from upfit.diagnose.seen import Seen
from upfit.values import Finding

STRONG = 10.0


def look(seen: Seen) -> Finding | None:
    """Gradients are many times larger than what reaches the optimizer, and the loss hardly falls.

    Plain gradient descent steps in proportion to what it is given: where it ends poor and still on its way,
    the clipping has made it late however much of the loss is gone. Adam and its kin undo any scale.
    """
    ratio = seen.fact("wiring.clip_ratio", _ratio(seen))
    late = seen.still_falling and seen.fact("optimizer.sgd") == 1
    if not (ratio > STRONG and seen.is_poor and (seen.fallen < 0.5 or late)):
        return None
    return found(
        "clip_too_small",
        f"Clipping shrinks every gradient about {ratio:.0f} times: steps have next to no size.",
        confidence=0.85,
        step=seen.step_number(0),
        plot="gradient_norm",
        clip_ratio=ratio,
        update_ratio=seen.update_ratio,
    )


def _ratio(seen: Seen) -> float:
    """How many times larger gradients usually were than the limit that the recipe sets."""
    norms = np.array([step.gradient_norm for step in seen.steps])
    norms = norms[np.isfinite(norms)]
    return float(np.median(norms)) / seen.fact("recipe.clip") if len(norms) else math.nan


RULE = Rule("clip_too_small", ("wiring or recipe.clip",), look)
