"""An activation that does not belong where it is."""

from __future__ import annotations

from upfit.diagnose.rule import Rule, found
from upfit.diagnose.seen import Seen
from upfit.values import Finding


def look(seen: Seen) -> Finding | None:
    """A softmax over the batch, logits cut off at zero, or no activation between layers."""
    cut = (
        seen.fact("output.low") >= 0
        and seen.fact("output.high") > 10
        and seen.fact("output.sums_to_one") == 0
    )
    cut = cut and seen.fact("labels.classes", 0.0) >= 2 and seen.fact("target.low", 0.0) >= 0
    layers = seen.fact("weights.layers", 0.0)
    linear = seen.is_straight and layers >= 2 and seen.is_poor
    if seen.fact("output.sums_over_batch") == 1:
        why, sure = (
            "Outputs sum to one over the batch: the softmax runs over examples instead of classes.",
            0.95,
        )
    elif cut:
        why, sure = "Logits are cut off at zero by a rectifier: classes cannot be voted down.", 0.6
    elif linear:
        why, sure = "No activation lies between the layers: together they are one linear layer.", 0.7
    else:
        return None
    return found(
        "wrong_activation",
        why,
        confidence=sure,
        plot="activations",
        output_low=seen.fact("output.low"),
        output_high=seen.fact("output.high"),
        exponentials=seen.fact("units.exponentials"),
    )


RULE = Rule("wrong_activation", ("output or units",), look)
