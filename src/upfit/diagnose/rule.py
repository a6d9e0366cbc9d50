"""Rule: how one illness is recognised, and what has to be recorded for that."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from upfit.diagnose.seen import Seen
from upfit.values import Finding

Severity = Literal["info", "warning", "error"]


@dataclass(frozen=True)
class Rule:
    """One word of the vocabulary.

    Args:
        kind: The word.
        needs: What must have been recorded: `loss`, `validation`, `layers`, … or the name of a one-step
            test; `a or b` where either will do.
        look: The judgement, a pure function; None where there is nothing to say.
    """

    kind: str
    needs: tuple[str, ...]
    look: Callable[[Seen], Finding | None]

    def missing(self, seen: Seen) -> tuple[str, ...]:
        """The needs that were not recorded."""
        return tuple(need for need in self.needs if not seen.has(need))


def found(
    kind: str,
    message: str,
    *,
    severity: Severity = "warning",
    confidence: float = 0.8,
    step: int | None = None,
    plot: str = "",
    **evidence: float,
) -> Finding:
    """A Finding with the evidence that is a number; cures are added by whoever ranks it."""
    numbers = {name: float(value) for name, value in evidence.items() if math.isfinite(value)}
    return Finding(
        kind=kind,
        severity=severity,
        message=message,
        confidence=confidence,
        step=step,
        plot=plot,
        evidence=numbers,
    )
