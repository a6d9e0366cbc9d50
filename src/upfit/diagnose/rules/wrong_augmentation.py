"""Augmentation that changes what an example shows."""

from __future__ import annotations

from upfit.diagnose.rule import Rule, found
from upfit.diagnose.seen import Seen
from upfit.values import Finding

LOST = 0.2
LESS = 0.05


def look(seen: Seen) -> Finding | None:
    """Training inputs vary from pass to pass, and no longer look like examples of their class."""
    varies = seen.fact("augment.varies") == 1
    plain, varied = seen.fact("augment.plain_score"), seen.fact("augment.score")
    # A run that copes with what it is asked has no wrong augmentation, however strong it is.
    copes = bool(seen.steps) and not seen.is_poor
    shown = plain - varied > LOST and plain > 0.5 and not copes
    if not varies or not (shown or _teaches_less(seen)):
        return None
    return found(
        "wrong_augmentation",
        "Augmented training examples no longer look like their class: some transform changes the label.",
        confidence=0.7 if shown else 0.6,
        plot="validation",
        plain_score=plain,
        augmented_score=varied,
        taught_by_plain_examples=seen.fact("augment.taught_plain"),
        taught_by_augmented_examples=seen.fact("augment.taught_varied"),
    )


def _teaches_less(seen: Seen) -> bool:
    """A few plain examples teach a small model more than all varied ones do, and the network as well."""
    plain, varied = seen.fact("augment.taught_plain"), seen.fact("augment.taught_varied")
    clearly = plain - varied > max(LESS, 3 * seen.fact("augment.taught_error"))
    return bool(seen.steps) and seen.has_had_time and clearly and seen.score < plain - LESS


RULE = Rule("wrong_augmentation", ("augment",), look)
