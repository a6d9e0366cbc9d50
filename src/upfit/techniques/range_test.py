"""Range test: choosing a rate from the losses of a short trial in which it grows from step to step."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from upfit.errors import InputError, TrainingError
from upfit.techniques.batch_scaling import LINEAR
from upfit.techniques.card import Card

Floats = npt.NDArray[np.float64]

WIDTH = 0.03
"""Standard deviation of the smoothing, as a fraction of the number of rates."""
DONE = 0.8
"""The part of the loss's whole fall that is done at the chosen rate."""
GROWTH = math.log(1e7) / 99
"""Logarithm of the ratio of neighbouring rates for which `DONE` was chosen: a hundred over seven decades."""
RISE = 0.5
"""Diverged is what has lost that part of the fall again."""
BY_SIGN = frozenset({"lion", "lionc", "clion", "clionc", "bnblion", "bnblion8bit", "rprop"})
"""Optimizers whose steps never get shorter, whatever the gradients are: many of them do harm that a few do
not show. On digits their best rates were an eighth and a half of what the curves say."""
SIGN_SHARE = 0.25


@dataclass(frozen=True, eq=False)
class RateChoice:
    """What a range test found.

    Args:
        rate: The rate to train with.
        steepest: Where the loss fell fastest from one rate to the next.
        lowest: Where the loss was lowest.
        diverged: Where it had clearly risen again; None where it never did.
        rates_N: The rates tried.
        smoothed_N: The losses behind the choice, as far as they are finite; NaN after.
    """

    rate: float
    steepest: float
    lowest: float
    diverged: float | None
    rates_N: Floats
    smoothed_N: Floats


def choose_rate(rates_N: npt.ArrayLike, losses_RN: npt.ArrayLike, *, optimizer: str = "adamw") -> RateChoice:
    """Choose the rate by which four fifths of the loss's fall were done, were the rates a hundred.

    The curves of all repeats become one, their median; it is cut where no loss is finite and smoothed over
    neighbouring rates. What happens from one rate to the next counts, and not what happens per unit of
    rate: `np.gradient(losses, rates)` divides by differences of 1e-8 at the low end, so that noise of
    0.001 outweighs everything, and picks 1e-7 where 1e-2 is right.

    Args:
        rates_N: Rates, evenly spaced by ratio, growing.
        losses_RN: The loss at each rate, for each repeat; NaN or infinite once a repeat has diverged. One
            repeat may be (N,).
        optimizer: Its name: for Lion and its like a quarter is chosen, since their steps do not shrink.

    Raises:
        InputError: The rates do not grow, or are fewer than eight, or do not fit the losses.
        TrainingError: The losses never fall.

    Source:
        Smith 2017, arXiv:1506.01186, for the test. The rule is our own, measured in
        `bench/results/range_test.md`.

    Example:
        >>> rates = np.geomspace(1e-6, 1, 60)
        >>> losses = 2.3 / (1 + (rates / 1e-3) ** 2) + (rates / 0.1) ** 2
        >>> 1e-3 < choose_rate(rates, losses).rate < 1e-2
        True
    """
    rates, losses = np.asarray(rates_N, dtype=float), np.atleast_2d(np.asarray(losses_RN, dtype=float))
    _require_rates(rates, losses)
    smoothed = smooth(losses)
    count = len(smoothed)
    begin = max(3, count // 8)
    start, lowest = float(np.median(smoothed[:begin])), int(np.argmin(smoothed))
    fall = start - float(smoothed[lowest])
    # Chance alone makes some rate the lowest; a fall has to stand out from the level before it.
    if not fall > 2 * float(np.std(smoothed[:begin])):
        raise TrainingError(
            "the range test found no rate at which the loss falls",
            hint="state optimizer.lr, or optimizer.lr=auto",
        )
    steepest = int(np.argmin(np.gradient(smoothed)[: lowest + 1]))
    # With few rates the steps before a rate are few, and the fall comes late. Steps in one direction add up
    # as 1 / apart, steps in chance directions as its square root, which is nearer to what was measured.
    apart = math.log(rates[-1] / rates[0]) / (len(rates) - 1)
    rate = math.sqrt(GROWTH / apart) * math.exp(
        _crossing(np.log(rates[:count]), smoothed, start - DONE * fall)
    )
    risen = np.flatnonzero(smoothed[lowest:] > smoothed[lowest] + RISE * fall)
    diverged = rates[lowest + risen[0]] if len(risen) else rates[count] if count < len(rates) else None
    return RateChoice(
        rate=SIGN_SHARE * rate if optimizer.lower() in BY_SIGN else rate,
        steepest=float(rates[steepest]),
        lowest=float(rates[lowest]),
        diverged=None if diverged is None else float(diverged),
        rates_N=rates,
        smoothed_N=np.concatenate([smoothed, np.full(len(rates) - count, np.nan)]),
    )


def smooth(losses_RN: Floats) -> Floats:
    """The median over repeats, smoothed over neighbours, up to where half of the repeats have diverged.

    Losses far above the first ones say no more than that it diverged, and are cut to twice those.
    """
    alive = np.isfinite(losses_RN).sum(axis=0) * 2 >= len(losses_RN)
    count = len(alive) if alive.all() else int(np.argmin(alive))
    if count < 8:
        raise TrainingError(
            "the loss is not finite at the lowest rates", hint="look at the data and the loss"
        )
    middle = np.nanmedian(np.where(np.isfinite(losses_RN), losses_RN, np.nan)[:, :count], axis=0)
    first = float(np.median(middle[: max(3, count // 8)]))
    kept = np.minimum(middle, first + abs(first))
    width = max(1.0, WIDTH * losses_RN.shape[1])
    return np.asarray(gaussian_filter1d(kept, width, mode="nearest"), dtype=float)


def span(optimizer: str) -> tuple[float, float]:
    """The lowest and the highest rate worth trying with an optimizer."""
    name = optimizer.lower()
    if name in LINEAR:
        return 1e-4, 30.0
    return (1e-7, 0.3) if name in BY_SIGN else (1e-6, 3.0)


def _crossing(logs_N: Floats, smoothed_N: Floats, level: float) -> float:
    """Where the curve first comes down to a level, between two rates."""
    after = int(np.argmax(smoothed_N <= level))
    if after == 0:
        return float(logs_N[0])
    above, below = smoothed_N[after - 1], smoothed_N[after]
    part = (above - level) / (above - below)
    return float(logs_N[after - 1] + part * (logs_N[after] - logs_N[after - 1]))


def _require_rates(rates: Floats, losses: Floats) -> None:
    if rates.ndim != 1 or len(rates) < 8 or not (rates[0] > 0 and np.all(np.diff(rates) > 0)):
        raise InputError("a range test needs at least eight growing rates", got=f"{rates.size} rates")
    if losses.shape[1] != len(rates):
        raise InputError(
            "losses and rates do not fit", expected=f"(R, {len(rates)})", got=str(tuple(losses.shape))
        )


CARD = Card(
    name="range_test",
    switch="optimizer.lr=range_test",
    row="T2",
    what="Before training, on a copy of the network, the rate grows from step to step; the rate by which "
    "four fifths of the loss's fall were done is taken, and held for a while: where the loss on validation "
    "turns while the training loss goes on falling, it is lowered to one that gets just so far in the run. "
    "Layer groups keep their distance from each other.",
    when="Networks, data or optimizers for which nobody has measured a default; lr: auto does it for them.",
    when_not="Runs of a few hundred steps: the test takes too large a part of them, and what pays in forty "
    "steps is less than what pays in all (on omniglot136 it took an eighth of the best rate).",
    combine="Every optimizer; one_cycle.",
    source="Smith 2017, arXiv:1506.01186; Gugger 2018 (what goes wrong with slopes per rate)",
)
