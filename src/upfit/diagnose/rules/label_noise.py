"""Labels that contradict their neighbours."""

from __future__ import annotations

from upfit.diagnose.rule import Rule, found
from upfit.diagnose.seen import Seen
from upfit.values import Finding

NOISY = 0.15
"""5 % is ordinary, and does little harm."""
MOST = 0.75
"""Of a reference's errors: what wrong labels have to account for."""


def look(seen: Seen) -> Finding | None:
    """Examples whose neighbours clearly agree on another class, beyond errors at a border."""
    wrong, clear = seen.fact("reference.contradicted"), seen.fact("reference.clear_share")
    # Where a good model errs far more often than labels contradict, classes overlap and the labels are right.
    overlap = wrong < MOST * (1 - seen.fact("reference.score"))
    if not (wrong > NOISY and clear > 0.1) or overlap:
        return None
    return found(
        "label_noise",
        f"About {wrong:.0%} of the labels contradict examples that look the same: many labels are wrong.",
        confidence=min(0.95, 0.6 + wrong),
        plot="validation",
        contradicted=wrong,
        clear_share=clear,
        reference_score=seen.fact("reference.score"),
    )


RULE = Rule("label_noise", ("reference",), look)
