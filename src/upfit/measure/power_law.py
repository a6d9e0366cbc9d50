"""Learning curves: error falls with the number n of examples as a saturating power law, a + b · n^-c.

Hestness et al. 2017, "Deep learning scaling is predictable, empirically"; Viering and Loog 2023, "The shape
of learning curves". A few sizes hardly determine the three numbers, so c is drawn towards 1/2, and everything
said comes with a bootstrap interval.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from upfit.values import Estimate

Floats = npt.NDArray[np.float64]
EXPONENTS = np.linspace(0.1, 1.2, 23)
USUAL, SPREAD = 0.5, 0.3
"""Where exponents of learning curves lie: a weak prior on c."""


@dataclass(frozen=True, eq=False)
class PowerLaw:
    """Fitted curves, one a row: error = floor + scale · n^-exponent.

    Args:
        floor: (B,) what no amount of such data takes away.
        scale: (B,).
        exponent: (B,).
        noise: (B,) root mean square of what the fit leaves.
    """

    floor: Floats
    scale: Floats
    exponent: Floats
    noise: Floats

    def at(self, size: float) -> Floats:
        """(B,) errors expected at a number of examples."""
        return np.asarray(self.floor + self.scale * size**-self.exponent)


def fit_power_law(sizes: Floats, errors_BS: Floats) -> PowerLaw:
    """Fit many curves at once.

    Args:
        sizes: (S,) numbers of examples, three or more.
        errors_BS: (B, S) errors, never negative. Larger sizes count more: they are nearer to what is asked.

    >>> sizes = np.array([50.0, 100, 200, 400, 800])
    >>> law = fit_power_law(sizes, (0.1 + 2 * sizes**-0.5)[None])
    >>> bool(abs(law.at(1600)[0] - (0.1 + 2 * 1600**-0.5)) < 0.002)
    True
    """
    weights = (sizes / sizes.max()) ** 0.5
    # How sure a point is: the spread of errors round a curve is about one part in fifty of the error.
    scale = np.maximum(errors_BS.mean(1), 1e-9) * 0.02
    best = np.full(len(errors_BS), np.inf)
    found = np.zeros((3, len(errors_BS)))
    noise = np.zeros(len(errors_BS))
    for exponent in EXPONENTS:
        floor, slope, left = _lines((sizes / sizes[0]) ** -exponent, errors_BS, weights)
        cost = left / scale**2 + ((exponent - USUAL) / SPREAD) ** 2
        better = cost < best
        found[:, better] = np.stack([floor, slope * sizes[0] ** exponent, np.full_like(floor, exponent)])[
            :, better
        ]
        best = np.where(better, cost, best)
        noise = np.where(better, np.sqrt(left / weights.sum()), noise)
    return PowerLaw(found[0], found[1], found[2], noise)


def _lines(x: Floats, y_BS: Floats, weights: Floats) -> tuple[Floats, Floats, Floats]:
    """Weighted lines y = floor + slope · x with neither negative, and the squares left."""
    total = weights.sum()
    mean_x = (weights * x).sum() / total
    mean_y = (y_BS * weights).sum(1) / total
    slope = ((y_BS - mean_y[:, None]) * (weights * (x - mean_x))).sum(1) / (weights * (x - mean_x) ** 2).sum()
    slope = np.maximum(slope, 0.0)
    floor = mean_y - slope * mean_x
    through_zero = (y_BS * weights * x).sum(1) / (weights * x**2).sum()
    slope = np.where(floor < 0, through_zero, slope)
    floor = np.maximum(floor, 0.0)
    left = (weights * (y_BS - floor[:, None] - slope[:, None] * x) ** 2).sum(1)
    return floor, slope, left


@dataclass(frozen=True)
class Forecast:
    """The error expected at a number of examples, and the gain over now, with 80 % and 95 % intervals."""

    size: int
    error: Estimate
    error_80: Estimate
    gain: Estimate


def forecasts(
    sizes: Floats, losses_SRM: Floats, ahead: tuple[int, ...], *, seed: int = 0, resamples: int = 400
) -> tuple[Forecast, ...]:
    """What more examples would bring.

    Args:
        sizes: (S,) numbers of training examples that were tried.
        losses_SRM: (S, R, M) loss of each of M held-out examples after training on each size, R times.
        ahead: Numbers of examples to look ahead to.
        seed: Of the bootstrap.
        resamples: How many; held-out examples and repetitions are drawn anew in each.
    """
    rng = np.random.default_rng(seed)
    curves = _resampled(losses_SRM, resamples, rng)
    law, centre = fit_power_law(sizes, curves), fit_power_law(sizes, losses_SRM.mean((1, 2))[None])
    found = []
    for size in ahead:
        # What the curve misses where it was fitted, it misses further on as well, and more so.
        wobble = rng.standard_normal(resamples) * law.noise * np.sqrt(1 + np.log2(size / sizes[-1]))
        drawn = np.maximum(law.at(size) + wobble, 0.0)
        value = float(centre.at(size)[0])
        now = float(centre.at(float(sizes[-1]))[0])
        gains = law.at(float(sizes[-1])) - law.at(size) - wobble
        found.append(
            Forecast(
                size=size,
                error=_estimate(value, drawn, 0.95),
                error_80=_estimate(value, drawn, 0.8),
                gain=_estimate(now - value, gains, 0.95),
            )
        )
    return tuple(found)


def _resampled(losses_SRM: Floats, resamples: int, rng: np.random.Generator) -> Floats:
    """(B, S) mean losses over examples and repetitions drawn with replacement."""
    _, repeats, count = losses_SRM.shape
    found = []
    for _ in range(resamples):
        drawn = np.bincount(rng.integers(0, count, count), minlength=count) / count
        times = np.bincount(rng.integers(0, repeats, repeats), minlength=repeats) / repeats
        found.append(np.einsum("srm,r,m->s", losses_SRM, times, drawn))
    return np.array(found)


def _estimate(value: float, drawn: Floats, level: float) -> Estimate:
    low, high = np.quantile(drawn, ((1 - level) / 2, (1 + level) / 2))
    return Estimate(value, min(value, float(low)), max(value, float(high)))
