"""A model that cannot hold what the data say."""

from __future__ import annotations

from upfit.diagnose.rule import Rule, found
from upfit.diagnose.seen import Seen
from upfit.values import Finding


def look(seen: Seen) -> Finding | None:
    """It cannot learn sixteen examples by heart, or it stands still below a plain reference."""
    start, end = seen.fact("one_batch.start"), seen.fact("one_batch.end")
    cannot = seen.cannot_learn_a_batch
    stands_still = seen.taken >= 100 and seen.is_far_behind and not seen.still_falling
    if not (stands_still and seen.shortfall == seen.shortfall) and not (cannot and seen.is_poor):
        return None
    return found(
        "underfit_capacity",
        (
            "The training loss stands still above what the data allow: the model is too small, or "
            "something holds it back."
        ),
        confidence=0.6 if cannot else 0.4,
        step=seen.step_number(-1),
        plot="loss",
        one_batch_start=start,
        one_batch_end=end,
        shortfall=seen.shortfall,
    )


RULE = Rule("underfit_capacity", ("one_batch", "validation"), look)
