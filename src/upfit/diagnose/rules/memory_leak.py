"""Memory that grows with every step."""

from __future__ import annotations

import itertools

import numpy as np

from upfit.diagnose.rule import Rule, found
from upfit.diagnose.seen import Seen
from upfit.values import Finding

KEPT = 8
FEWEST = 20


def growth(seen: Seen) -> tuple[float, float]:
    """MiB per step over the second half, and MiB gained; zeros where memory did not climb throughout."""
    memory = np.array([s.rss_mb for s in seen.steps])
    memory = memory[np.isfinite(memory)]
    if len(memory) < FEWEST:
        return 0.0, 0.0
    quarters = [float(part.mean()) for part in np.array_split(memory[len(memory) // 2 :], 4)]
    if not all(a < b for a, b in itertools.pairwise(quarters)):
        return 0.0, 0.0
    return (quarters[-1] - quarters[0]) / (3 * len(memory) / 8), quarters[-1] - quarters[0]


def look(seen: Seen) -> Finding | None:
    """Graphs of earlier losses that are still alive, or resident memory that climbs on and on."""
    kept = seen.fact("wiring.kept_graphs", 0.0)
    slope, gained = growth(seen)
    if not (kept >= KEPT or (slope > 0.5 and gained > 200)):
        return None
    why = "graphs of earlier losses are kept" if kept >= KEPT else f"{gained:.0f} MiB more than at the start"
    return found(
        "memory_leak",
        f"Memory grows with every step ({why}): add up loss.item(), not loss.",
        severity="error",
        confidence=0.95 if kept >= KEPT else 0.6,
        step=int(seen.fact("wiring.kept_graphs_at", 0)) or None,
        plot="memory",
        kept_graphs=kept,
        gained_mib=gained,
    )


RULE = Rule("memory_leak", ("wiring or memory",), look)
