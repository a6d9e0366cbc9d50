"""A computation graph that is cut."""

from __future__ import annotations

from upfit.diagnose.rule import Rule, found
from upfit.diagnose.seen import Seen
from upfit.values import Finding

LOST = 0.1
"""A pooler that runs and is not used has about 1 % of a text model's weights."""


LATER, FEWEST = 2, 2
"""Step from which on looks count, since a head of zeros passes nothing at first; how many are needed."""
ALIVE = 0.5
"""Of a layer's units: those that are dead stop gradients, too."""


def is_without_slope(seen: Seen) -> bool:
    """Whether nothing at all comes down to the first layer, look after look, though the last one learns.

    All layers are to be trained, and their units are alive: a step between them has no slope (rounding, a
    sign, the largest of several).
    """
    looks = [list(one.gradient_norms.values()) for one in seen.healths if one.step >= LATER]
    looks = [norms for norms in looks if len(norms) >= 2]
    silent = all(norms[0] == 0 and norms[-1] > 0 for norms in looks) and len(looks) >= FEWEST
    whole = seen.fact("trainable.share") == 1 and seen.fact("optimizer.covers", 1.0) == 1
    return silent and whole and seen.most_dead < ALIVE and seen.is_poor


def is_flat(seen: Seen) -> bool:
    """Whether every gradient is exactly zero before training, and sixty steps on one batch change nothing.

    Weights that are all zero, dead units and saturated ones do that too, and are illnesses of their own.
    """
    start, end = seen.fact("one_batch.start"), seen.fact("one_batch.end")
    alive = seen.fact("units.dead", 0.0) < ALIVE and seen.fact("units.saturated_layers", 0.0) == 0
    nought = max(seen.fact("weights.zero", 0.0), seen.fact("weights.nought", 0.0))
    started = nought == 0 and seen.fact("weights.last_scale", 1.0) > 0
    return seen.fact("gradients.zero_share") == 1 and start == end and alive and started


def look(seen: Seen) -> Finding | None:
    """A loss without a graph, or trainable layers that ran and got no gradient."""
    if seen.fact("gradients.wanted") == 0:
        return None
    lost = seen.fact("gradients.none_share", 0.0)
    if seen.fact("gradients.attached") == 0:
        why, sure = "The loss is not connected to the model's parameters: something detaches it.", 0.97
    elif is_flat(seen):
        why, sure = (
            "Every gradient is exactly zero, and one batch is not learnt by heart at all: the loss is made "
            "from a choice (argmax, rounding, a comparison) that has no slope.",
            0.9,
        )
    elif seen.fact("gradients.none_below") == 1:
        why, sure = "The first layers get no gradient though they ran: the graph is cut above them.", 0.95
    elif is_without_slope(seen):
        why, sure = (
            "The first layer's gradient is exactly zero in every step, and its units are alive: something "
            "without a slope (rounding, a sign, a choice) lies between it and the loss.",
            0.9,
        )
    elif seen.fact("gradients.asleep") > LOST and seen.is_poor:
        why, sure = (
            f"{seen.fact('gradients.asleep'):.0%} of the trainable weights run in evaluation and not in "
            "training: what they said once is kept, and they never learn.",
            0.85,
        )
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
