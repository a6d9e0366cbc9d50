"""Processes whose copies of the model have drifted apart."""

from __future__ import annotations

from upfit.diagnose.rule import Rule, found
from upfit.diagnose.seen import Seen
from upfit.values import Finding


def look(seen: Seen) -> Finding | None:
    """Checksums of the parameters that differ between ranks after a step."""
    step = seen.fact("replicas.differ_at")
    if not step > 0:
        return None
    return found(
        "replica_divergence",
        "The processes no longer train the same model: some gradients are not exchanged.",
        severity="error",
        confidence=0.98,
        step=int(step),
        plot="loss",
        largest_difference=seen.fact("replicas.difference"),
    )


RULE = Rule("replica_divergence", ("replicas",), look)
