"""Inputs or targets that are not numbers."""

from __future__ import annotations

import math

from upfit.diagnose.rule import Rule, found
from upfit.diagnose.seen import Seen
from upfit.values import Event, Finding


def look(seen: Seen) -> Finding | None:
    """Any NaN or infinity in an input or in a target, of training or of validation."""
    inputs, targets = seen.fact("inputs.not_finite", 0.0), seen.fact("labels.not_finite", 0.0)
    # What was not measured may be left out by the loss, on purpose.
    targets = 0.0 if seen.fact("labels.gaps_left_out") == 1 else targets
    held = seen.fact("inputs.held_not_finite", 0.0)
    if held and not inputs and not targets:
        return _held(held)
    if not inputs and not targets:
        return _left_out([one for one in seen.taken_back if "inputs" in one.data])
    where = f"{inputs:.0f} training inputs" if inputs else f"{targets:.0f} training targets"
    return found(
        "nan_input",
        f"{where} hold NaN or infinity: one such example turns every weight into NaN.",
        severity="error",
        confidence=1.0,
        plot="loss",
        inputs=inputs,
        targets=targets,
        first_example=seen.fact("inputs.first_bad"),
    )


def _held(count: float) -> Finding:
    return found(
        "nan_input",
        f"{count:.0f} validation inputs hold NaN or infinity: what is measured on them is no number.",
        severity="error",
        confidence=1.0,
        plot="validation",
        validation_inputs=count,
    )


def _left_out(steps: list[Event]) -> Finding | None:
    """What a run found that left such batches out by itself."""
    if not steps:
        return None
    often = "once" if len(steps) == 1 else f"{len(steps)} times"
    example = steps[0].data.get("example", math.nan)
    which = f"training example {example:.0f} does" if math.isfinite(example) else "some examples do"
    return found(
        "nan_input",
        f"Inputs or targets hold NaN or infinity ({which}): a batch with them was left out {often}.",
        severity="error",
        confidence=1.0,
        step=int(steps[0].data["bad_step"]),
        plot="loss",
        times=len(steps),
        first_example=example,
    )


RULE = Rule("nan_input", ("inputs or labels or repairs",), look)
