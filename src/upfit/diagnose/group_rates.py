"""Whose learning rate is to blame: the head's, that of the layers below it, or both."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from upfit.diagnose.seen import Seen

Blamed = Literal["both", "body", "head"]

LARGE = 0.1
"""Size of a step beside the weights; healthy training lies near 0.001 (Karpathy)."""
APART = 3.0
"""Rates that differ by less are one rate."""


@dataclass(frozen=True)
class GroupRates:
    """The greatest rates of a run and the usual sizes of its steps, the head apart from the layers below.

    What was not recorded is NaN; where only the head learns, so is everything about the body.

    Args:
        body: Greatest learning rate of a layer below the head.
        head: Greatest learning rate of the head.
        body_step: Size of a step beside the weights, median over those layers and the early looks.
        head_step: The same of the head.
    """

    body: float = math.nan
    head: float = math.nan
    body_step: float = math.nan
    head_step: float = math.nan

    @classmethod
    def of(cls, seen: Seen) -> GroupRates:
        """What the looks inside a run say.

        >>> from upfit.values import Trace
        >>> GroupRates.of(Seen(Trace())).is_known
        False
        """
        looks = [one for one in seen.early_looks if one.rates]
        if not looks:
            return cls()
        last = list(looks[-1].rates)[-1]
        # Looks are rare, and the first ones lie in the warm-up; the head's rate is known at every step.
        shares = [
            max(_below(one.rates, last)) / one.rates[last] for one in looks if _has_both(one.rates, last)
        ]
        bodies = [float(np.median(found)) for one in looks if (found := _below(one.update_ratios, last))]
        heads = [one.update_ratios[last] for one in looks if last in one.update_ratios]
        head = seen.rate
        return cls(
            body=_median(shares) * head, head=head, body_step=_median(bodies), head_step=_median(heads)
        )

    @property
    def is_known(self) -> bool:
        """Whether rates were recorded layer by layer."""
        return math.isfinite(self.head)

    @property
    def main(self) -> float:
        """The rate that `optimizer.lr` sets: of the layers below the head, or the only one there is."""
        return self.body if math.isfinite(self.body) else self.head

    def too_large(self) -> Blamed:
        """Whose steps overshoot.

        >>> GroupRates(body=10.0, head=1e-3, body_step=0.9, head_step=2.0).too_large()
        'body'
        """
        body, head = self.body_step > LARGE, self.head_step > LARGE
        if body and (not head or self.body > APART * self.head):
            return "body"
        if head and not body and not self.body > self.head / APART:
            return "head"
        return "both"

    def too_small(self) -> Blamed:
        """Whose steps lead nowhere: the head's where nothing else learns."""
        return "head" if self.is_known and not math.isfinite(self.body) else "both"


def main_rate(seen: Seen) -> float:
    """The rate that `optimizer.lr` sets; where no look has seen the layers' rates, that of the steps.

    Example:
        >>> from upfit.testing.traces import healthy_trace
        >>> main_rate(Seen(healthy_trace())) > 0
        True
    """
    rates = GroupRates.of(seen)
    return rates.main if rates.is_known else seen.rate


def _has_both(rates: dict[str, float], last: str) -> bool:
    return rates.get(last, 0.0) > 0 and len(rates) > 1


def _below(values: dict[str, float], last: str) -> list[float]:
    return [value for name, value in values.items() if name != last and math.isfinite(value)]


def _median(values: Sequence[float]) -> float:
    return float(np.median(values)) if values else math.nan
