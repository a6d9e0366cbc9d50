"""How often and with how many examples a run is watched, so that watching costs two percent at most."""

from __future__ import annotations

import math

SHARE = 0.007
"""Part of a run's time for looks at gradients and weights, and once more for the probe."""
PROBES = 6
"""Passes over the probe examples that a run should have."""
FEWEST, MOST = 64, 256
"""Probe examples: fewer say nothing about units, more nothing new."""
BACKWARD = 3.0
"""A training step takes as long as so many forward passes."""


def look_every(look: float, step: float) -> int:
    """Steps from one look to the next, from the seconds of a look and of a step.

    Example:
        >>> look_every(0.003, 0.2), look_every(0.003, 0.02), look_every(0.0, 0.1)
        (3, 22, 1)
    """
    return max(1, math.ceil(look / (SHARE * max(step, 1e-9))))


def probe_plan(total_steps: int, batch: int, *, passes: int, evaluations: int) -> tuple[int, int]:
    """How many examples are probed, and at every how-many-th evaluation; (0, 0) where it is not worth it.

    Args:
        total_steps: Of the run.
        batch: Examples per step.
        passes: Forward passes of each probe: one, or two where training mode differs.
        evaluations: That the run will make.

    Example:
        >>> probe_plan(1000, 32, passes=2, evaluations=20)
        (64, 4)
        >>> probe_plan(60, 32, passes=2, evaluations=6)
        (0, 0)
    """
    affordable = int(SHARE * total_steps * BACKWARD * batch / passes)
    if affordable < FEWEST or evaluations < 1:
        return 0, 0
    wanted = min(PROBES, evaluations)
    size = min(MOST, max(FEWEST, affordable // wanted))
    times = min(evaluations, affordable // size)
    return size, math.ceil(evaluations / times)


def probe_gap(planned: int, probe: float, between: float) -> int:
    """Evaluations from one probe to the next, once a probe was timed.

    Args:
        planned: What the plan said.
        probe: Seconds of a probe.
        between: Seconds from one evaluation to the next.

    Example:
        >>> probe_gap(2, probe=0.01, between=1.0), probe_gap(2, probe=0.1, between=1.0)
        (2, 15)
    """
    return max(planned, math.ceil(probe / (SHARE * max(between, 1e-9))))
