"""The loss is no longer a number."""

from __future__ import annotations

import math

from upfit.diagnose.rule import Rule, found
from upfit.diagnose.seen import Seen
from upfit.values import Finding


def look(seen: Seen) -> Finding | None:
    """A loss or a gradient norm that is not finite, at any step."""
    bad = next((s.step for s in seen.steps if not math.isfinite(s.loss)), None)
    if bad is None and seen.fact("wiring.bad_gradient_step") > 0:
        bad = int(seen.fact("wiring.bad_gradient_step"))
    at_start = seen.fact("gradients.finite") == 0 or seen.fact("start.finite") == 0
    if bad is None and not at_start:
        return None
    when = "before the first step" if bad is None else f"at step {bad}"
    return found(
        "nan_loss",
        f"The loss or a gradient stopped being a number {when}; nothing can be learnt from there on.",
        severity="error",
        confidence=1.0,
        step=bad,
        plot="loss",
        steps=len(seen.steps),
    )


RULE = Rule("nan_loss", ("loss or start or gradients",), look)
