"""An optimizer that trains something else."""

from __future__ import annotations

from upfit.diagnose.rule import Rule, found
from upfit.diagnose.seen import Seen
from upfit.values import Finding


def look(seen: Seen) -> Finding | None:
    """Parameters that the model does not have, or a model that the optimizer does not know."""
    inside, covers = seen.fact("optimizer.in_model"), seen.fact("optimizer.covers")
    if not (inside < 0.5 or (covers == 0 and seen.fact("trainable.tensors", 0.0) > 0)):
        return None
    return found(
        "optimizer_model_mismatch",
        (
            "The optimizer holds parameters that are not this model's: it was made for another copy. "
            "Make it again, from the model that is trained."
        ),
        severity="error",
        confidence=0.99,
        step=seen.step_number(0),
        plot="update_ratio",
        in_model=inside,
        covers=covers,
    )


RULE = Rule("optimizer_model_mismatch", ("optimizer",), look)
