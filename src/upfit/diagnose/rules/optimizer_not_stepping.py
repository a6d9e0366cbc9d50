"""Steps that change nothing."""

from __future__ import annotations

import numpy as np

from upfit.diagnose.rule import Rule, found
from upfit.diagnose.seen import Seen
from upfit.values import Finding

ENOUGH = 3
"""Evaluations that come out alike to the last digit."""


def stands_still(seen: Seen) -> bool:
    """Whether no weight has moved from evaluation to evaluation, though gradients came."""
    losses = seen.validation_losses[-ENOUGH:]
    same = len(losses) == ENOUGH and bool(np.isfinite(losses).all()) and bool((losses == losses[0]).all())
    ratios = [ratio for look in seen.healths for ratio in look.update_ratios.values()]
    came = any(norm > 0 for look in seen.healths for norm in look.gradient_norms.values())
    return same and came and len(ratios) > 0 and not any(ratios) and seen.rate > 0


def look(seen: Seen) -> Finding | None:
    """Gradients that were computed and cleared, with weights exactly as before."""
    step = seen.fact("wiring.not_stepping_at")
    idle = seen.fact("descent.moved") == 0 and seen.fact("optimizer.lr", 0.0) > 0
    stands = stands_still(seen)
    if not (step > 0 or idle or stands) or seen.fact("optimizer.in_model") < 0.5:
        return None
    return found(
        "optimizer_not_stepping",
        "Gradients come and go and no weight changes: optimizer.step() is missing, or has no effect.",
        severity="error",
        confidence=0.97,
        step=int(step) if step > 0 else seen.evaluations[0].step if stands else None,
        plot="update_ratio",
        moved=seen.fact("descent.moved"),
    )


RULE = Rule("optimizer_not_stepping", ("wiring or descent",), look)
