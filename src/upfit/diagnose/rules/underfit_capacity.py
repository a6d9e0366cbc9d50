"""A model that cannot hold what the data say."""

from __future__ import annotations

import math

from upfit.diagnose.rule import Rule, found
from upfit.diagnose.seen import Seen
from upfit.values import Finding


def look(seen: Seen) -> Finding | None:
    """It cannot learn sixteen examples by heart, stands still below a plain reference, or is too narrow."""
    start, end = seen.fact("one_batch.start"), seen.fact("one_batch.end")
    cannot = seen.cannot_learn_a_batch
    stands_still = seen.taken >= 100 and seen.is_far_behind and not seen.still_falling
    known = math.isfinite(seen.shortfall)
    late = seen.taken >= 100 and seen.is_far_behind and known
    squeezed, straight = late and seen.is_too_narrow, late and seen.is_straight
    if not (stands_still and known) and not (cannot and seen.is_poor) and not (squeezed or straight):
        return None
    width, classes = seen.fact("narrow.width"), seen.fact("labels.classes")
    if squeezed:
        why = f"All passes a layer of {width:.0f}, too few to tell {classes:.0f} classes apart: widen it."
    elif straight:
        why = "The model is linear, and a plain model that is not reaches much more: add a hidden layer."
    else:
        why = (
            "The training loss stands still above what the data allow: the model is too small, or "
            "something holds it back."
        )
    return found(
        "underfit_capacity",
        why,
        confidence=0.6 if cannot or squeezed or straight else 0.4,
        step=seen.step_number(-1),
        plot="loss",
        one_batch_start=start,
        one_batch_end=end,
        narrowest=width,
        shortfall=seen.shortfall,
    )


RULE = Rule("underfit_capacity", ("one_batch", "validation"), look)
