"""Augmentation that changes what an example shows."""

from __future__ import annotations

from upfit.diagnose.rule import Rule, found
from upfit.diagnose.seen import Seen
from upfit.values import Finding

LOST = 0.2


def look(seen: Seen) -> Finding | None:
    """Training inputs vary from pass to pass, and no longer look like examples of their class."""
    varies, plain, varied = (
        seen.fact("augment.varies"),
        seen.fact("augment.plain_score"),
        seen.fact("augment.score"),
    )
    # A run that copes with what it is asked has no wrong augmentation, however strong it is.
    copes = bool(seen.steps) and not seen.is_poor
    if not (varies == 1 and plain - varied > LOST and plain > 0.5) or copes:
        return None
    return found(
        "wrong_augmentation",
        "Augmented training examples no longer look like their class: some transform changes the label.",
        confidence=0.7,
        plot="validation",
        plain_score=plain,
        augmented_score=varied,
    )


RULE = Rule("wrong_augmentation", ("augment",), look)
