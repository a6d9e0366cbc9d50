"""Warm-up: the rate rises to its full height, so that fresh layers do not throw the others about."""

from __future__ import annotations

import math
from typing import Literal

from upfit.techniques.card import Card


def warm_up(
    step: int, warm: int, *, shape: Literal["linear", "cosine"] = "linear", start: float | None = None
) -> float:
    """The multiplier of step `step` (from 0) of a warm-up of `warm` steps; 1 once it is over.

    Args:
        step: Steps taken.
        warm: Steps of the warm-up.
        shape: A straight line, or half a cosine (slow, fast, slow).
        start: The multiplier of the first step; where missing, the first of `warm + 1` even rises from zero.

    Example:
        >>> [warm_up(step, 3) for step in range(5)]
        [0.25, 0.5, 0.75, 1.0, 1.0]
    """
    if step >= warm:
        return 1.0
    begin = 0.0 if start is None else start
    done = (step + 1) / (warm + 1) if start is None else step / warm
    risen = done if shape == "linear" else 0.5 * (1 - math.cos(math.pi * done))
    return begin + (1 - begin) * risen


CARD = Card(
    name="warm_up",
    switch="schedule.warmup=",
    example="schedule.warmup=0.5",
    row="T2",
    what="The rate rises to its full height over a fraction of the run, so many steps or epochs "
    "(0.1, '200 steps', '1 epoch'), in a line or in half a cosine (schedule.warmup_shape).",
    when="Nearly always: a fresh head and an optimizer without memory make the first steps the wildest.",
    when_not="Hardly ever harmful; 0 where a run goes on from tuned weights at a low rate.",
    combine="Every schedule. With one_cycle it is the rising half of the cycle.",
    source="Goyal et al. 2017, arXiv:1706.02677",
)
