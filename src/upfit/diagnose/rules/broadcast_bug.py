"""Shapes that broadcast where they should match."""

from __future__ import annotations

from upfit.diagnose.rule import Rule, found
from upfit.diagnose.seen import Seen
from upfit.values import Finding

MIXED = 1e-3
"""Of the outputs' spread: what an answer moves when another example of the batch is exchanged."""
MISPLACED = 0.8
"""Of the loss of right answers in another row: in their own they cost far less."""


def look(seen: Seen) -> Finding | None:
    """The loss of a batch is not that of its examples, or examples influence each other."""
    whole, single = seen.fact("shapes.whole"), seen.fact("shapes.one_by_one")
    spread_out = abs(whole - single) > 0.01 * max(abs(whole), abs(single))
    # Statistics of the batch that nobody keeps mix examples too: that is the evaluation's fault.
    by_batch = seen.fact("modes.untracked_norms", 0.0) > 0 or seen.fact("mixing.alone_undefined") == 1
    mixed = seen.fact("mixing.change", 0.0) > MIXED and not by_batch
    elsewhere = seen.fact("placing.elsewhere")
    misplaced = min(seen.fact("placing.right"), seen.fact("placing.moved")) > MISPLACED * elsewhere
    if seen.fact("shapes.differ") == 1 and spread_out:
        why, sure = (
            (
                "Outputs and targets have different shapes and are spread against each other: every "
                "output is compared with every target."
            ),
            0.97,
        )
    elif seen.fact("output.rows_alike") == 1 and seen.fact("output.indifferent") != 1:
        why, sure = (
            "Right answers cost as much in place of other rows: the loss compares each with every target.",
            0.95,
        )
    elif misplaced:
        why, sure = (
            "Right answers in their places cost as much as in another row: the loss compares them with the "
            "targets of other places, as if dimensions had been exchanged.",
            0.9,
        )
    elif mixed and seen.fact("output.sums_over_batch", 0.0) == 0:
        why, sure = "Examples of a batch influence each other's answers: a dimension is mixed up.", 0.8
    else:
        return None
    return found(
        "broadcast_bug",
        why,
        severity="error",
        confidence=sure,
        plot="loss",
        loss_of_batch=whole,
        loss_one_by_one=single,
        change_by_neighbour=seen.fact("mixing.change"),
    )


RULE = Rule("broadcast_bug", ("shapes or mixing or placing or output",), look)
