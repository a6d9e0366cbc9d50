"""A loss that falls steadily but far too slowly."""

from __future__ import annotations

from upfit.diagnose.rule import Rule, found
from upfit.diagnose.seen import Seen
from upfit.values import Finding


def look(seen: Seen) -> Finding | None:
    """Still falling at the end, with most of the way to go."""
    if len(seen.steps) < 10 or not seen.is_far_behind or not seen.still_falling or not 0 < seen.fallen < 0.5:
        return None
    return found(
        "slow_convergence",
        (
            f"The loss is still falling steadily, and after {seen.taken} steps only "
            f"{seen.fallen:.0%} of it is gone."
        ),
        confidence=0.6,
        step=seen.step_number(-1),
        plot="loss",
        fallen=seen.fallen,
    )


RULE = Rule("slow_convergence", ("loss", "validation"), look)
