"""A step that goes uphill."""

from __future__ import annotations

from upfit.diagnose.rule import Rule, found
from upfit.diagnose.seen import Seen
from upfit.values import Finding


def look(seen: Seen) -> Finding | None:
    """The optimizer moves along the gradient, not against it, or wrong answers cost less."""
    cosine = seen.fact("descent.cosine")
    backwards = seen.fact("output.right_costs_more") == 1 and seen.fact("output.least_free", 0.0) >= -100
    if not (cosine < -0.01 or backwards):
        return None
    why = (
        "The optimizer steps uphill: check the sign of the rate and `maximize`."
        if cosine < -0.01
        else "The loss is lower for wrong answers than for right ones: its sign is wrong."
    )
    return found(
        "flipped_gradient",
        why,
        severity="error",
        confidence=0.95,
        step=seen.step_number(0),
        plot="loss",
        cosine=cosine,
        maximizes=seen.fact("optimizer.maximizes"),
    )


RULE = Rule("flipped_gradient", ("descent or output",), look)
