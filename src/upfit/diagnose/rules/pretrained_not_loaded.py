"""A checkpoint that was not loaded, or only in part."""

from __future__ import annotations

from upfit.diagnose.rule import Rule, found
from upfit.diagnose.seen import Seen
from upfit.values import Finding


def look(seen: Seen) -> Finding | None:
    """Layers as PyTorch starts them, below trained ones, or in a model said to be pretrained."""
    below, share = seen.fact("fresh.below_trained", 0.0), seen.fact("fresh.share", 0.0)
    claimed = seen.fact("fresh.claimed") == 1
    if not (0.2 < below < 1.0 or (claimed and share > 0.9)):
        return None
    return found(
        "pretrained_not_loaded",
        (
            "Layers that should be pretrained hold fresh random weights: look at the missing keys of "
            "the checkpoint."
        ),
        severity="error",
        confidence=0.9 if claimed else 0.75,
        plot="validation",
        fresh_share=share,
        fresh_below_trained=below,
    )


RULE = Rule("pretrained_not_loaded", ("fresh",), look)
