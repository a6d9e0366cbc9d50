"""Parameters that stay as they are though they should learn."""

from __future__ import annotations

from upfit.diagnose.rule import Rule, found
from upfit.diagnose.seen import Seen
from upfit.values import Finding


def look(seen: Seen) -> Finding | None:
    """Nothing to train, a frozen output layer, holes, or frozen layers that never were trained."""
    tensors, share = seen.fact("trainable.tensors"), seen.fact("trainable.share")
    covers, top = seen.fact("optimizer.covers", 1.0), seen.fact("optimizer.only_top", 1.0)
    if tensors == 0:
        why, sure = "Every parameter is frozen: nothing can be learnt.", 1.0
    elif seen.fact("trainable.last_frozen") == 1:
        why, sure = (
            "The output layer is frozen while others learn: it is the one that has to change most.",
            0.85,
        )
    elif share < 1 and seen.fact("fresh.frozen", 0.0) > 0.5:
        why, sure = (
            "Frozen layers hold random weights: they were never trained, and now they cannot be.",
            0.85,
        )
    elif seen.fact("fresh.frozen_beside_trained") == 1 and seen.is_poor:
        why, sure = (
            "A frozen layer holds random weights, beside frozen layers that were trained: it was to learn.",
            0.8,
        )
    elif 0 < covers < 0.99 and top == 0:
        why, sure = (
            f"The optimizer knows only {covers:.0%} of the parameters that are to be trained, with gaps.",
            0.8,
        )
    elif seen.fact("wiring.frozen_share", 0.0) > 0.01:
        why, sure = "Some layers did not change though they have gradients and the optimizer holds them.", 0.7
    else:
        return None
    return found(
        "frozen_params",
        why,
        severity="error",
        confidence=sure,
        step=seen.step_number(0),
        plot="update_ratio",
        trainable_share=share,
        covered_share=covers,
        fresh_frozen=seen.fact("fresh.frozen"),
    )


RULE = Rule("frozen_params", ("trainable",), look)
