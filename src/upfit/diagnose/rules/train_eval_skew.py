"""Validation inputs that are prepared otherwise than training inputs."""

from __future__ import annotations

from upfit.diagnose.rule import Rule, found
from upfit.diagnose.seen import Seen
from upfit.values import Finding


def look(seen: Seen) -> Finding | None:
    """Means apart by more than a standard deviation, or spreads by more than a factor two."""
    shift, ratio = seen.fact("skew.shift"), seen.fact("skew.ratio")
    if not (shift > 1.0 or ratio > 2.0):
        return None
    return found(
        "train_eval_skew",
        "Validation inputs are on another scale than training inputs: they are not prepared in the same way.",
        severity="error",
        confidence=0.9,
        plot="validation",
        shift=shift,
        ratio=ratio,
    )


RULE = Rule("train_eval_skew", ("skew",), look)
