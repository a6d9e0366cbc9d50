"""Validation inputs that are prepared otherwise than training inputs."""

from __future__ import annotations

from upfit.diagnose.rule import Rule, found
from upfit.diagnose.rules.wrong_preprocessing import is_padding_read
from upfit.diagnose.seen import Seen
from upfit.values import Finding

KNOWN, KEPT = 0.2, 0.3
"""Above chance: what a reference knows of training examples, and the part of it that holds in validation."""
BEHIND = 0.15
LONGER = 0.3
"""How far the shares of padding lie apart."""


def is_on_another_scale(seen: Seen) -> bool:
    """Whether means lie apart by more than a standard deviation, or spreads by a factor two."""
    return seen.fact("skew.shift") > 1 or seen.fact("skew.ratio") > 2


def is_lost(seen: Seen) -> bool:
    """Whether next to nothing of what relates inputs and labels in training holds in validation.

    The network has to fail there too. Other people or places in validation cost something, not nearly all.
    """
    chance = 1 / max(2.0, seen.fact("transfer.classes"))
    own, held = seen.fact("transfer.own") - chance, seen.fact("transfer.held") - chance
    return own > KNOWN and held < KEPT * own and seen.score < seen.fact("transfer.own") - BEHIND


def is_padded_otherwise(seen: Seen) -> bool:
    """Whether validation texts have more padding, or less, and a network that does badly reads it as text."""
    apart = abs(seen.fact("padding.held_share") - seen.fact("padding.share"))
    return apart > LONGER and is_padding_read(seen)


def look(seen: Seen) -> Finding | None:
    """Means apart by more than a standard deviation, spreads by a factor two, other padding or relations."""
    scale = is_on_another_scale(seen)
    if scale:
        why = (
            "Validation inputs are on another scale than training inputs: they are not prepared in the same "
            "way."
        )
    elif is_padded_otherwise(seen):
        why = (
            f"Of validation texts {seen.fact('padding.held_share'):.0%} is padding, of training texts "
            f"{seen.fact('padding.share'):.0%}, and the model reads it: mask it, or pad both alike."
        )
    elif seen.steps and is_lost(seen):
        why = (
            "What relates inputs and labels in training hardly holds in validation: are inputs prepared, "
            "coded and labelled in the same way?"
        )
    else:
        return None
    return found(
        "train_eval_skew",
        why,
        severity="error",
        confidence=0.9 if scale else 0.7,
        plot="validation",
        shift=seen.fact("skew.shift"),
        ratio=seen.fact("skew.ratio"),
        known_of_training=seen.fact("transfer.own"),
        known_of_validation=seen.fact("transfer.held"),
        padding_of_training=seen.fact("padding.share"),
        padding_of_validation=seen.fact("padding.held_share"),
    )


RULE = Rule("train_eval_skew", ("skew or transfer or padding",), look)
