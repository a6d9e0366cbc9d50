"""Drawing resamples: how many, of how many examples, and what their spread says of the whole sample."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from upfit.measure.arrays import Array, Floats
from upfit.values import Estimate

# Counts handled for one interval, over all resamples and outputs; under a second on one core.
WORK = 3e7
# Resamples where the full number is too costly; enough for a standard deviation within 5 %.
FEWER = 200
# Counts at once: few enough to stay in the processor's cache, where drawing them is twice as fast.
CHUNK = 150_000


@dataclass(frozen=True, eq=False)
class Plan:
    """Which rows are resampled (all, or a random subset), how often, and the spread's scale.

    The standard error falls with the square root of the number of examples, so what a subset of m of N rows
    shows is multiplied by the square root of m / N.
    """

    rows: npt.NDArray[np.int64]
    resamples: int
    scale: float = 1.0


def plan(count: int, outputs: int, *, resamples: int, seed: int) -> Plan:
    """All rows, `resamples` times, where that is affordable; else fewer times, then fewer rows."""
    if count * outputs * resamples <= WORK:
        return Plan(np.arange(count), resamples)
    fewer = min(resamples, FEWER)
    rows = int(min(count, max(500, WORK / (fewer * outputs))))
    chosen = np.random.default_rng((seed, 1)).permutation(count)[:rows]
    return Plan(np.sort(chosen), fewer, float(np.sqrt(rows / count)))


def counts(rows: int, resamples: int, *, seed: int) -> Iterator[Floats]:
    """Blocks of `counts_NR`, resamples with replacement; a little memory at a time."""
    rng = np.random.default_rng(seed)
    width = max(1, min(resamples, CHUNK // rows))
    for start in range(0, resamples, width):
        many = min(width, resamples - start)
        drawn = rng.integers(0, rows, size=(rows, many))
        flat = np.bincount((drawn * many + np.arange(many)).ravel(), minlength=rows * many)
        yield flat.reshape(rows, many).astype(np.float64)


def resampled(measure: Callable[[Floats], dict[str, Floats]], plan: Plan, *, seed: int) -> dict[str, Floats]:
    """(resamples,) values of each metric."""
    blocks = [measure(block) for block in counts(len(plan.rows), plan.resamples, seed=seed)]
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def interval(value: float, drawn: Array, plan: Plan, *, centred: bool = False) -> Estimate | None:
    """The 95 % interval: percentiles of the resamples, or 1.96 standard errors where resamples are few.

    `centred` shifts the resamples onto the value first, for metrics that resampling inflates. None where
    fewer than half the resamples define the metric.
    """
    drawn = drawn[np.isfinite(drawn)]
    if not np.isfinite(value) or len(drawn) * 2 < plan.resamples:
        return None
    if plan.scale < 1 or len(drawn) < 2 * FEWER:
        half = 1.96 * plan.scale * float(np.std(drawn))
        return Estimate(value, value - half, value + half)
    low, high = np.quantile(drawn, (0.025, 0.975))
    shift = value - float(np.mean(drawn)) if centred else 0.0
    return Estimate(value, min(value, float(low) + shift), max(value, float(high) + shift))
