"""A computation graph that is cut."""

from __future__ import annotations

from upfit.diagnose.rule import Rule, found
from upfit.diagnose.seen import Seen
from upfit.values import Finding

LOST = 0.1
"""A pooler that runs and is not used has about 1 % of a text model's weights."""


def look(seen: Seen) -> Finding | None:
    """A loss without a graph, or trainable layers that ran and got no gradient."""
    if seen.fact("gradients.wanted") == 0:
        return None
    lost = seen.fact("gradients.none_share", 0.0)
    if seen.fact("gradients.attached") == 0:
        why, sure = "The loss is not connected to the model's parameters: something detaches it.", 0.97
    elif seen.fact("gradients.none_below") == 1:
        why, sure = "The first layers get no gradient though they ran: the graph is cut above them.", 0.95
    elif lost > LOST:
        why, sure = (
            f"{lost:.0%} of the trainable weights that ran got no gradient: a part of the graph is cut off.",
            0.75,
        )
    else:
        return None
    return found(
        "detached_graph",
        why,
        severity="error",
        confidence=sure,
        step=seen.step_number(0),
        plot="gradient_norm",
        without_gradient=lost,
    )


RULE = Rule("detached_graph", ("gradients",), look)
