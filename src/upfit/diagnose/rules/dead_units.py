"""Rectifiers that never fire, or squashers that are stuck at an end."""

from __future__ import annotations

from upfit.diagnose.rule import Rule, found
from upfit.diagnose.seen import Seen
from upfit.values import Finding

HALF = 0.5
MOST = 0.9
"""Before training, half of a layer may come alive; nine tenths do not."""


def _came_alive(seen: Seen) -> bool:
    """Whether no layer is mostly dead when the run was last looked into."""
    known = [health.dead for health in seen.healths_of_numbers if health.dead]
    return bool(known) and max(known[-1].values()) <= HALF


def look(seen: Seen) -> Finding | None:
    """More than half of a layer's units dead, with a loss that does not fall."""
    dead, where = seen.fact("units.dead", 0.0), "before training"
    stuck = seen.fact("units.saturated_layers", 0.0) > 0.5
    step = None
    for health in seen.healths_of_numbers:
        worst = max(health.dead.values(), default=0.0)
        if worst > dead:
            dead, where, step = worst, f"at step {health.step}", health.step
        stuck = stuck or (len(health.saturated) > 0 and min(health.saturated.values()) > 0.9)
    if not (dead > HALF or stuck) or (seen.steps and not seen.is_poor):
        return None
    if not seen.steps and dead < MOST and not stuck:
        return None
    if step is None and not stuck and _came_alive(seen):
        return None
    share = (
        f"{dead:.0%} of the units of a layer never fire"
        if dead > HALF
        else "Units are stuck at an end of their range"
    )
    return found(
        "dead_units",
        f"{share} ({where}): no gradient passes through them.",
        severity="error" if dead > MOST else "warning",
        confidence=0.85 if dead > MOST else 0.6,
        step=step,
        plot="activations",
        dead=dead,
        saturated_layers=seen.fact("units.saturated_layers"),
    )


RULE = Rule("dead_units", ("activations or units",), look)
