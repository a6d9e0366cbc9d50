"""Holding a rate: whether a run at it would overfit long before its end, and the rate that would not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

Floats = npt.NDArray[np.float64]
LOOKS = 12
"""Looks at held-out examples while one rate is held."""
OVER = 0.05
"""Overfitting is a held-out loss that has risen by that part of its fall while the training loss went on."""
HALF = 0.5
"""Mean multiplier of the rate over a run with a warm-up and a cosine."""
WARM_UP = 0.1
"""Part of the hold in which the rate rises to its value."""


@dataclass(frozen=True, eq=False)
class Hold:
    """What came of training on at one rate, with looks at held-out examples.

    Args:
        rate: The rate.
        travelled_S: The sum of the rates of all steps up to each look, the first before any step.
        held_S: The held-out loss at each look.
        losses_S: The mean training loss of the steps between the look before and each look.
    """

    rate: float
    travelled_S: Floats
    held_S: Floats
    losses_S: Floats

    @classmethod
    def of(cls, rate: float, losses_N: Floats, looks: Sequence[int], held: Sequence[float]) -> Hold:
        """From the training losses of all steps, and the held-out losses after so many of them."""
        far = np.concatenate([[0.0], np.cumsum(held_rates(rate, len(losses_N)))])
        spans = zip([0, *looks[:-1]], looks, strict=True)
        means = [float(np.mean(losses_N[start : max(start + 1, stop)])) for start, stop in spans]
        return cls(rate, far[list(looks)], np.array(held, dtype=float), np.array(means))

    @property
    def turned(self) -> float | None:
        """How far training was where the held-out loss was lowest; None where it did not overfit."""
        if len(self.held_S) < LOOKS // 2 or not np.isfinite(self.held_S).all():
            return None
        smoothed = gaussian_filter1d(self.held_S, 1.0, mode="nearest")
        lowest, last = int(np.argmin(smoothed)), max(2, len(smoothed) // 4)
        fall, rise = self.held_S[0] - smoothed[lowest], smoothed[-last:].mean() - smoothed[lowest]
        learned = self.losses_S[-last:].mean() < self.losses_S[max(1, lowest)]
        # Where the training loss rises with it, the rate was too high to be held, and nothing was overfitted.
        over = lowest > 0 and rise > OVER * fall and learned
        return float(self.travelled_S[lowest]) if over else None


def held_rates(rate: float, steps: int) -> Floats:
    """The rate of each step (N,) of a hold: a short rise, then the rate."""
    return rate * np.minimum(1.0, (np.arange(steps) + 1) / max(1, round(WARM_UP * steps)))


def hold_back(rate: float, hold: Hold, *, total: int, mean: float = HALF) -> float:
    """The rate at which a run ends where held-out loss was lowest, if that lies below `rate`; else `rate`.

    To first order, training gets as far as the sum of its rates. A range test takes so few steps, and sees
    examples so seldom twice, that it cannot show overfitting: few rows with noise in them would be trained
    far beyond where they should be. Held for as many steps, the rate shows it, and how far is far enough.

    Args:
        rate: That of the range test.
        hold: What came of holding it.
        total: Steps of the run that is to follow.
        mean: Mean multiplier of the rate over its schedule.

    Source:
        Our own, measured in `bench/results/range_test.md`. That rate times steps decides how far gradient
        descent regularises: Ali, Kolter and Tibshirani 2019, arXiv:1810.10082.

    Example:
        >>> far = 0.1 * np.arange(13.0)
        >>> over = Hold(0.1, far, 0.5 + (far - 0.4) ** 2, 0.5 - far / 4)
        >>> round(hold_back(0.1, over, total=200), 3), hold_back(0.1, over, total=4)
        (0.004, 0.1)
    """
    if hold.turned is None or total < 1:
        return rate
    return min(rate, hold.turned / (mean * total))
