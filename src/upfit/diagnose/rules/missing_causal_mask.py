"""A language model without its causal mask."""

from __future__ import annotations

from upfit.diagnose.rule import Rule, found
from upfit.diagnose.seen import Seen
from upfit.values import Finding


def look(seen: Seen) -> Finding | None:
    """Later tokens change what is said about earlier places, where the next token is to be predicted."""
    change = seen.fact("causal.change")
    if not (change > 1e-4 and seen.fact("causal.next_token") == 1):
        return None
    return found(
        "missing_causal_mask",
        (
            "Each place sees the tokens after it, the one it has to predict included: the causal mask "
            "is missing."
        ),
        severity="error",
        confidence=0.97,
        plot="loss",
        change=change,
    )


RULE = Rule("missing_causal_mask", ("causal",), look)
