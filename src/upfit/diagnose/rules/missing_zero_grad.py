"""Gradients that are never cleared."""

from __future__ import annotations

from upfit.diagnose.rule import Rule, found
from upfit.diagnose.seen import Seen
from upfit.values import Finding


def look(seen: Seen) -> Finding | None:
    """At a backward pass, gradients of steps that were already taken are still there."""
    step = seen.fact("wiring.carried_over_at")
    if not step > 0:
        return None
    return found(
        "missing_zero_grad",
        (
            "Gradients of earlier steps are still there when new ones arrive: call "
            "optimizer.zero_grad() in every step."
        ),
        severity="error",
        confidence=0.98,
        step=int(step),
        plot="gradient_norm",
        left_over=seen.fact("wiring.left_over"),
    )


RULE = Rule("missing_zero_grad", ("wiring",), look)
