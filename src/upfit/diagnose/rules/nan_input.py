"""Inputs or targets that are not numbers."""

from __future__ import annotations

from upfit.diagnose.rule import Rule, found
from upfit.diagnose.seen import Seen
from upfit.values import Finding


def look(seen: Seen) -> Finding | None:
    """Any NaN or infinity in an input or in a target."""
    inputs, targets = seen.fact("inputs.not_finite", 0.0), seen.fact("labels.not_finite", 0.0)
    if not inputs and not targets:
        return None
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


RULE = Rule("nan_input", ("inputs or labels",), look)
