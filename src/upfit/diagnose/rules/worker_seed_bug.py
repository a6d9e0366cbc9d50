"""Loader processes that draw the same random numbers."""

from __future__ import annotations

from upfit.diagnose.rule import Rule, found
from upfit.diagnose.seen import Seen
from upfit.values import Finding


def look(seen: Seen) -> Finding | None:
    """Examples of different workers that were varied in exactly the same way."""
    same = seen.fact("workers.same_stream")
    if same != 1:
        return None
    return found(
        "worker_seed_bug",
        "Loader processes draw the same random numbers: augmentations repeat. Seed each worker by itself.",
        confidence=0.9,
        plot="validation",
        workers=seen.fact("workers.count"),
    )


RULE = Rule("worker_seed_bug", ("workers",), look)
