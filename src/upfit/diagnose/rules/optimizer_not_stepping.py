"""Steps that change nothing."""

from __future__ import annotations

from upfit.diagnose.rule import Rule, found
from upfit.diagnose.seen import Seen
from upfit.values import Finding


def look(seen: Seen) -> Finding | None:
    """Gradients that were computed and cleared, with weights exactly as before."""
    step = seen.fact("wiring.not_stepping_at")
    idle = seen.fact("descent.moved") == 0 and seen.fact("optimizer.lr", 0.0) > 0
    if not (step > 0 or idle) or seen.fact("optimizer.in_model") < 0.5:
        return None
    return found(
        "optimizer_not_stepping",
        "Gradients come and go and no weight changes: optimizer.step() is missing, or has no effect.",
        severity="error",
        confidence=0.97,
        step=int(step) if step > 0 else None,
        plot="update_ratio",
        moved=seen.fact("descent.moved"),
    )


RULE = Rule("optimizer_not_stepping", ("wiring or descent",), look)
