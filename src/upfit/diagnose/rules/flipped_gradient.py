"""A step that goes uphill."""

from __future__ import annotations

from upfit.diagnose.rule import Rule, found
from upfit.diagnose.seen import Seen
from upfit.values import Finding

TURNED = -0.5
"""Measured over promised fall of the loss, which is 1 where a gradient is right and -1 where it is turned."""


BOTTOMLESS = 10.0
"""Times the size of the loss at the start, below zero."""


def look(seen: Seen) -> Finding | None:
    """The optimizer moves along the gradient, not against it, or wrong answers cost less."""
    cosine = seen.fact("descent.cosine")
    backwards = seen.fact("output.right_costs_more") == 1 and seen.fact("output.least_free", 0.0) >= -100
    turned = seen.fact("slope.least") < TURNED
    bottomless = seen.closing < -BOTTOMLESS * max(1.0, abs(seen.opening)) and seen.is_poor
    if cosine < -0.01:
        why = "The optimizer steps uphill: check the sign of the rate and `maximize`."
    elif backwards:
        why = "The loss is lower for wrong answers than for right ones: its sign is wrong."
    elif turned:
        why = (
            "The gradient of the lower layers points uphill: something turns it round on its way back, "
            "such as a layer for gradient reversal."
        )
    elif bottomless:
        why = (
            f"The loss has fallen to {seen.closing:.3g} and has no floor, while validation is poor: part of "
            "it has the wrong sign."
        )
    else:
        return None
    return found(
        "flipped_gradient",
        why,
        severity="error",
        confidence=0.95 if cosine < -0.01 or backwards else 0.8,
        step=seen.step_number(0),
        plot="loss",
        cosine=cosine,
        slope=seen.fact("slope.least"),
        maximizes=seen.fact("optimizer.maximizes"),
    )


RULE = Rule("flipped_gradient", ("descent or output or slope",), look)
