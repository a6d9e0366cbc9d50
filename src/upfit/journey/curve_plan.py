"""Which runs of a tuned curve fit a budget: all, fewer sizes or repetitions, or not even the least."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from upfit.errors import InputError
from upfit.report.words import duration
from upfit.train.settle import MIN_STEPS
from upfit.train.timing import FINISHING_SECONDS

SMALLEST = 1 / 8
"""Share of the training rows at the smallest size."""
CHOICES = ((4, 2), (3, 2), (4, 1), (3, 1))
"""Numbers of sizes and of runs at each, the fullest first; there is no curve through fewer than three."""
PASSES = 5
"""What training on a row once costs, in forward passes: features, forward and backward, refitting."""
SETTING_OUT = 1.5
"""Seconds before a run's first pass: loading the backbone, opening its folder."""
TRIED = 24
"""Forward passes over a batch that measuring steps and precision takes, before the first step is made."""
LARGEST_BATCH = 32
SLACK = 1.15
"""A machine is seldom as fast as it was while it was measured."""

Done = Callable[[int, int], bool]


@dataclass(frozen=True)
class CurvePlan:
    """The runs of a curve.

    Args:
        sizes: Numbers of training rows, growing.
        repeats: Runs at each.
    """

    sizes: tuple[int, ...]
    repeats: int

    @property
    def runs(self) -> tuple[tuple[int, int], ...]:
        """(repetition, size) of each run: whole repetitions, so that the last can be left out."""
        return tuple((repeat, size) for repeat in range(self.repeats) for size in self.sizes)

    @property
    def left_out(self) -> str:
        """What was left out of the full curve, in words; empty where nothing was."""
        sizes, repeats = CHOICES[0]
        if (len(self.sizes), self.repeats) == CHOICES[0]:
            return ""
        fewer = [f"{len(self.sizes)} sizes instead of {sizes}"] if len(self.sizes) < sizes else []
        fewer += [f"one run at each instead of {repeats}"] if self.repeats < repeats else []
        unseen = ", so that chance between runs is not in the intervals" if self.repeats == 1 else ""
        return f"the budget affords {len(self.runs)} of {sizes * repeats} runs: {' and '.join(fewer)}{unseen}"


@dataclass(frozen=True)
class CurveCosts:
    """What the runs of a curve cost at the very least.

    Args:
        example: Seconds of a forward pass, preparation included.
        held: Validation rows.
    """

    example: float
    held: int

    def least(self, size: int) -> float:
        """Seconds of a run that sees each of its rows once, and makes the fewest steps worth making.

        >>> round(CurveCosts(0.01, 100).least(1000))
        77
        """
        batch = LARGEST_BATCH if size >= 200 else max(4, size // 8)
        shown = max(size, MIN_STEPS * batch)
        passes = PASSES * shown + TRIED * batch + 3 * self.held
        return SLACK * (SETTING_OUT + FINISHING_SECONDS + self.example * passes)


def plan_of(count: int, sizes: int, repeats: int) -> CurvePlan:
    """So many sizes, evenly on a logarithmic scale up to all rows.

    >>> plan_of(1600, 4, 2).sizes
    (200, 400, 800, 1600)
    """
    found = np.geomspace(max(8, SMALLEST * count), count, sizes).round().astype(int)
    return CurvePlan(tuple(np.unique(found).tolist()), repeats)


def affordable_plan(
    count: int,
    costs: CurveCosts,
    *,
    left: float,
    spent: float = 0.0,
    done: Done = lambda repeat, size: False,
) -> CurvePlan:
    """The fullest plan whose runs fit the time that is left.

    Args:
        count: Training rows in all.
        costs: Measured.
        left: Seconds.
        spent: Seconds of the budget that are gone, most of them for loading libraries.
        done: Whether the run of a repetition at a size is finished already, and costs nothing more.

    Raises:
        InputError: Not even the least fits; says what it costs.

    >>> affordable_plan(1600, CurveCosts(0.01, 100), left=200).left_out[:34]
    'the budget affords 3 of 8 runs: 3 '
    """
    needed = math.inf
    for sizes, repeats in CHOICES:
        plan = plan_of(count, sizes, repeats)
        needed = sum(costs.least(size) for repeat, size in plan.runs if not done(repeat, size))
        if needed <= left:
            return plan
    raise InputError(
        "the budget is too short for a curve of tuned models",
        expected=f"about {duration(needed)} from here on, for {len(plan.runs)} runs that see "
        f"each of {plan.sizes[0]:,} to {plan.sizes[-1]:,} rows once",
        got=f"{duration(max(0.0, left))}, after {duration(spent)} for loading libraries and data",
        hint=f"--budget {10 * math.ceil((spent + needed) / 10)}s, or linear probes, which take a fraction of "
        "it: no --tune",
    )


def share(size: int, coming: tuple[int, ...], costs: CurveCosts, *, left: float) -> float:
    """Seconds for the next run: its least, and of what is over a share by its rows.

    Args:
        size: Its rows.
        coming: Rows of all runs that are still to be made, this one among them.
        costs: Measured.
        left: Seconds for all of them.

    >>> share(100, (100, 100), CurveCosts(0.01, 10), left=60)
    30.0
    """
    least = sum(costs.least(one) for one in coming)
    if least >= left:
        return max(1.0, left * costs.least(size) / least)
    return costs.least(size) + (left - least) * size / sum(coming)
