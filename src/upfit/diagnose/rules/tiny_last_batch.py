"""A last batch that is too small for batch statistics."""

from __future__ import annotations

import math

from upfit.diagnose.rule import Rule, found
from upfit.diagnose.seen import Seen
from upfit.values import Finding


def look(seen: Seen) -> Finding | None:
    """One or two examples left over, with batch normalisation in the model."""
    last, batch = seen.fact("order.last_batch"), seen.fact("order.batch")
    by_hand = last == 1 and seen.fact("mixing.alone_undefined") == 1
    if not (last <= 2 and last * 4 < batch and (seen.fact("order.batch_norms") == 1 or by_hand)):
        return None
    # Of two, a run that ended well shows that they did no harm; of one there is nothing to normalise by.
    harmless = last > 1 and math.isfinite(seen.shortfall) and not seen.is_poor
    return found(
        "tiny_last_batch",
        f"The last batch has {last:.0f} examples: statistics of so few are noise. Set drop_last=True.",
        severity="info" if harmless else "warning",
        confidence=0.7 if last == 2 else 0.85,
        plot="loss",
        last_batch=last,
        batch=batch,
    )


RULE = Rule("tiny_last_batch", ("order.last_batch",), look)
