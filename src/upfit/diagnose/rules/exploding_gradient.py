"""Gradients that grow out of bounds."""

from __future__ import annotations

import numpy as np

from upfit.diagnose.rule import Rule, found
from upfit.diagnose.seen import Seen
from upfit.values import Finding

HUGE = 1e4
LOUD = 100.0
"""For class scores, where fresh networks begin between 0.1 and 10 and pretrained ones, whose early layers
other layers normalise, below 100: there the answers have to be far off as well."""
THOUSANDS = 1e3
JUMP = 10.0
"""Times the running median (SageMaker Debugger and AutoTrainer use absolute limits, which misfire)."""
FEWEST = 5


def first_jump(seen: Seen) -> tuple[int, float] | None:
    """The first step whose norm is ten times the median before it, if the loss rose and stayed up."""
    norms = np.array([s.gradient_norm for s in seen.steps])
    known = np.flatnonzero(np.isfinite(norms))
    for place, index in enumerate(known[FEWEST:], start=FEWEST):
        usual = float(np.median(norms[known[max(0, place - 50) : place]]))
        before = seen.losses[max(0, index - 20) : index]
        before = before[np.isfinite(before)]
        if not len(before):
            continue
        rose = not np.isfinite(seen.closing) or seen.closing > 1.5 * float(before.mean())
        if norms[index] > JUMP * usual and rose:
            return int(seen.steps[index].step), float(norms[index] / usual)
    return None


def look(seen: Seen) -> Finding | None:
    """A norm far above its own running median while the loss rises, or huge ones at the start."""
    start = seen.fact("gradients.norm", 0.0)
    largest = seen.fact("units.largest_output", 0.0)
    overflows = seen.fact("units.finite") == 0 and seen.fact("units.undefined") != 1
    large = start > (LOUD if seen.is_loud else HUGE) or largest > HUGE
    # Values in the thousands have large gradients, with which a run may end well all the same.
    learnt = seen.fact("labels.spread") > THOUSANDS and seen.is_well
    if (large and not learnt) or overflows:
        return found(
            "exploding_gradient",
            "Signals grow from layer to layer: gradients are enormous before the first step.",
            severity="error",
            confidence=0.8,
            plot="gradient_norm",
            gradient_norm=start,
            largest_output=largest,
        )
    jump = first_jump(seen)
    if jump is None:
        return None
    step, ratio = jump
    return found(
        "exploding_gradient",
        f"At step {step} the gradient was {ratio:.0f} times its usual size, and the loss rose with it.",
        severity="error",
        step=step,
        plot="gradient_norm",
        ratio=ratio,
    )


RULE = Rule("exploding_gradient", ("gradient_norm or layers or gradients",), look)
