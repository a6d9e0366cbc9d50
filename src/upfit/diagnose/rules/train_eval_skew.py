"""Validation inputs that are prepared otherwise than training inputs."""

from __future__ import annotations

from upfit.diagnose.rule import Rule, found
from upfit.diagnose.seen import Seen
from upfit.values import Finding

KNOWN, KEPT = 0.2, 0.3
"""Above chance: what a reference knows of training examples, and the part of it that holds in validation."""
BEHIND = 0.15


def is_lost(seen: Seen) -> bool:
    """Whether next to nothing of what relates inputs and labels in training holds in validation.

    The network has to fail there too. Other people or places in validation cost something, not nearly all.
    """
    chance = 1 / max(2.0, seen.fact("transfer.classes"))
    own, held = seen.fact("transfer.own") - chance, seen.fact("transfer.held") - chance
    return own > KNOWN and held < KEPT * own and seen.score < seen.fact("transfer.own") - BEHIND


def look(seen: Seen) -> Finding | None:
    """Means apart by more than a standard deviation, spreads by a factor two, or other relations."""
    shift, ratio = seen.fact("skew.shift"), seen.fact("skew.ratio")
    scaled, lost = shift > 1.0 or ratio > 2.0, bool(seen.steps) and is_lost(seen)
    if not (scaled or lost):
        return None
    return found(
        "train_eval_skew",
        "Validation inputs are on another scale than training inputs: they are not prepared in the same way."
        if scaled
        else "What relates inputs and labels in training hardly holds in validation: are inputs prepared, "
        "coded and labelled in the same way?",
        severity="error",
        confidence=0.9 if scaled else 0.7,
        plot="validation",
        shift=shift,
        ratio=ratio,
        known_of_training=seen.fact("transfer.own"),
        known_of_validation=seen.fact("transfer.held"),
    )


RULE = Rule("train_eval_skew", ("skew or transfer",), look)
