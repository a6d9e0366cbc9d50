"""Training examples that always come in the same, sorted order."""

from __future__ import annotations

from upfit.diagnose.rule import Rule, found
from upfit.diagnose.seen import Seen
from upfit.values import Finding

CHAINED, BARELY = 0.3, 0.5
PURE, MIXED = 0.85, 0.6
"""Share of a batch's commonest class, where that of the commonest class of all is lower."""


def look(seen: Seen) -> Finding | None:
    """Each pass repeats the order, and neighbours share their label; or batches hold one class."""
    repeated, chained = seen.fact("order.repeated"), seen.fact("order.chained")
    in_order = repeated > 0.9 and chained > CHAINED and seen.fact("order.batches", 0.0) >= 3
    unmixed = seen.fact("order.purity") > PURE and seen.fact("order.commonest") < MIXED
    # Blocks that are shuffled leave neighbours alike. Some batches are put together so on purpose.
    unmixed = unmixed or (chained > BARELY and seen.fact("order.commonest") < MIXED and seen.is_far_behind)
    if not (in_order or unmixed):
        return None
    return found(
        "no_shuffle",
        "Training examples come sorted by what is to be predicted, in one order each time: set shuffle=True."
        if in_order
        else "A batch holds few classes beside each other, as if only blocks of sorted examples were "
        "shuffled: shuffle the examples themselves.",
        confidence=0.9,
        plot="loss",
        repeated=repeated,
        chained=chained,
        commonest_class_of_a_batch=seen.fact("order.purity"),
    )


RULE = Rule("no_shuffle", ("order.chained",), look)
