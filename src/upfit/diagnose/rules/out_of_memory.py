"""Memory ran out."""

from __future__ import annotations

from upfit.diagnose.rule import Rule, found
from upfit.diagnose.seen import Seen
from upfit.values import Finding


def look(seen: Seen) -> Finding | None:
    """An exception of that kind, by its type or by the known texts."""
    if seen.fact("failure.memory") != 1:
        return None
    return found(
        "out_of_memory",
        (
            "A step needs more memory than there is: smaller micro-batches, accumulated, keep the "
            "effective batch."
        ),
        severity="error",
        confidence=0.98,
        step=seen.step_number(-1),
        plot="loss",
        batch=seen.fact("order.batch"),
    )


RULE = Rule("out_of_memory", ("failure or loss or start",), look)
