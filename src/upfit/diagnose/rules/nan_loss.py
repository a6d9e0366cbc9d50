"""The loss is no longer a number."""

from __future__ import annotations

import math

from upfit.diagnose.rule import Rule, found
from upfit.diagnose.seen import Seen
from upfit.values import Event, Finding


def look(seen: Seen) -> Finding | None:
    """A loss or a gradient norm that is not finite, at any step."""
    bad = next((s.step for s in seen.steps if not math.isfinite(s.loss)), None)
    if bad is None and seen.fact("wiring.bad_gradient_step") > 0:
        bad = int(seen.fact("wiring.bad_gradient_step"))
    if bad is None and (
        cured := [one for one in seen.taken_back if not {"spike", "inputs"} & one.data.keys()]
    ):
        return _taken_back(cured)
    at_start = seen.fact("gradients.finite") == 0 or seen.fact("start.finite") == 0
    undefined = seen.fact("units.undefined") == 1
    if bad is None and not at_start and not undefined:
        return None
    when = "before the first step" if bad is None else f"at step {bad}"
    return found(
        "nan_loss",
        "The network's answer to some inputs is no number, though nothing in it is large: does it divide by "
        "a spread of nought, or take the logarithm of nought?"
        if undefined
        else f"The loss or a gradient stopped being a number {when}; nothing can be learnt from there on.",
        severity="error",
        confidence=1.0,
        step=bad,
        plot="loss",
        steps=seen.taken,
    )


def _taken_back(cured: list[Event]) -> Finding:
    """What is left to say of a run that has repaired itself."""
    places = sorted({int(one.data["bad_step"]) for one in cured})
    often = "once" if len(places) == 1 else f"{len(places)} times"
    return found(
        "nan_loss",
        f"The loss or a gradient stopped being a number {often}, first at step {places[0]}; "
        "the run went back, was changed, and went on.",
        confidence=1.0,
        step=places[0],
        plot="loss",
        times=len(places),
        left_out=sum("left_out" in one.data for one in cured),
        rate_lowered=sum("rate" in one.data for one in cured),
    )


RULE = Rule("nan_loss", ("loss or start or gradients",), look)
