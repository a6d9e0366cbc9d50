"""Training examples that always come in the same, sorted order."""

from __future__ import annotations

from upfit.diagnose.rule import Rule, found
from upfit.diagnose.seen import Seen
from upfit.values import Finding

CHAINED = 0.3


def look(seen: Seen) -> Finding | None:
    """Each pass repeats the order, and neighbours share their label."""
    repeated, chained = seen.fact("order.repeated"), seen.fact("order.chained")
    if not (repeated > 0.9 and chained > CHAINED and seen.fact("order.batches", 0.0) >= 3):
        return None
    return found(
        "no_shuffle",
        "Training examples come sorted by what is to be predicted, in one order each time: set shuffle=True.",
        confidence=0.9,
        plot="loss",
        repeated=repeated,
        chained=chained,
    )


RULE = Rule("no_shuffle", ("order.chained",), look)
