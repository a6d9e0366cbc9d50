"""Steps that change nothing."""

from __future__ import annotations

import numpy as np

from upfit.diagnose.rule import Rule, found
from upfit.diagnose.seen import GONE, Seen
from upfit.values import Finding

ENOUGH = 3
"""Evaluations that come out alike to the last digit."""


def stands_still(seen: Seen) -> bool:
    """Whether no weight has moved from evaluation to evaluation, though gradients came.

    Only the newest look counts, which waits for the weights to move: a scaler that finds no finite gradient
    any more, say, leaves out all steps from some step on. Where the schedule has taken the rate, it is right.
    """
    losses = seen.validation_losses[-ENOUGH:]
    same = len(losses) == ENOUGH and bool(np.isfinite(losses).all()) and bool((losses == losses[0]).all())
    looks = [one for one in seen.healths if one.update_ratios]
    if not same or not looks:
        return False
    came = any(norm > 0 for norm in looks[-1].gradient_norms.values())
    rates = [one.lr for one in seen.steps if one.step >= seen.evaluations[-ENOUGH].step]
    at_work = seen.rate > 0 and all(rate > GONE * seen.rate for rate in rates)
    return came and at_work and not any(looks[-1].update_ratios.values())


def look(seen: Seen) -> Finding | None:
    """Gradients that were computed and cleared, with weights exactly as before."""
    step = seen.fact("wiring.not_stepping_at")
    # A scaler leaves out the first steps, until its scale has come down: looks since then saw weights move.
    moves = any(any(one.update_ratios.values()) for one in seen.healths)
    idle = seen.fact("descent.moved") == 0 and seen.fact("optimizer.lr", 0.0) > 0
    stands = stands_still(seen) or seen.fact("wiring.stood_still", 0.0) >= ENOUGH
    at_first = (step > 0 or idle) and not moves
    if not (at_first or stands) or seen.fact("optimizer.in_model") < 0.5:
        return None
    return found(
        "optimizer_not_stepping",
        "Gradients come and go and no weight changes: optimizer.step() is missing, or has no effect.",
        severity="error",
        confidence=0.97,
        step=int(step) if step > 0 else seen.evaluations[-ENOUGH].step if stands else None,
        plot="update_ratio",
        moved=seen.fact("descent.moved"),
    )


RULE = Rule("optimizer_not_stepping", ("wiring or descent",), look)
