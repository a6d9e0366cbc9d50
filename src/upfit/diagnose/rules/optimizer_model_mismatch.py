"""An optimizer that trains something else."""

from __future__ import annotations

from upfit.diagnose.rule import Rule, found
from upfit.diagnose.seen import Seen
from upfit.values import Finding

EXCHANGED = 0.99
"""Of the weights: what is more is a rest of rounding."""
HALF = 0.5
"""Of the trainable weights: what an optimizer holds at least."""


def look(seen: Seen) -> Finding | None:
    """Parameters that the model does not have, or a model that the optimizer does not know."""
    inside, covers = seen.fact("optimizer.in_model"), seen.fact("optimizer.covers")
    other = inside < 0.5 or (covers == 0 and seen.fact("trainable.tensors", 0.0) > 0)
    # Whoever means to train a head alone freezes the rest: these layers want gradients and never move.
    partly = covers < HALF and seen.has_had_time and seen.is_poor
    # Part of what it holds is no longer in the model, and part of the model is not in it: exchanged since.
    exchanged = inside < EXCHANGED and covers < EXCHANGED
    # What no list of the model's weights has is in no optimizer and no checkpoint, however well a run ends.
    outside = seen.fact("outside.share", 0.0)
    if not (other or partly or exchanged or outside > 0):
        return None
    return found(
        "optimizer_model_mismatch",
        (
            "The optimizer holds parameters that are not this model's: it was made for another copy. "
            "Make it again, from the model that is trained."
            if other
            else "The optimizer still holds weights that are no longer in the model, and lacks those that "
            "took their place: layers were exchanged after it was made. Make it again, or add them to it."
            if exchanged
            else f"{outside:.0%} of the weights that answer are not among the model's parameters, so that no "
            "optimizer trains them and no checkpoint keeps them: put layers into nn.ModuleList or "
            "nn.ModuleDict, weights into nn.ParameterList."
            if outside > 0
            else f"The optimizer was given only {covers:.0%} of the weights that want to learn: the others "
            "stay as they were drawn. Freeze them if that is meant."
        ),
        severity="error",
        confidence=0.99 if other else 0.95 if exchanged or outside > 0 else 0.85,
        step=seen.step_number(0),
        plot="update_ratio",
        in_model=inside,
        covers=covers,
        outside=outside,
    )


RULE = Rule("optimizer_model_mismatch", ("optimizer or outside",), look)
