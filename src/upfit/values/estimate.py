"""Estimate: a number with its interval."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A number with the ends of its 95 % interval.

    >>> str(Estimate(0.97, 0.95, 0.985))
    '0.970 (0.950 to 0.985)'
    """

    value: float
    low: float
    high: float

    def __float__(self) -> float:
        return self.value

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"
