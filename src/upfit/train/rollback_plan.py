"""What to do about a bad step: how far back to go, and what to do otherwise from there on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from upfit.train.rollback_signs import BadStep
from upfit.values import Event, Step

KIND = "rolled_back"
"""Kind of the events that tell of it."""
NEAR = 100
"""Bad steps that lie closer together are one trouble; what was tried before did not cure it."""
TRIES = 6
"""Attempts at one trouble before the run is given up."""
OFTEN, APART = 3, 3
"""Steps near each other that are left out before the rate is blamed, unless they lie so close together."""
TIMES = 1.5
"""A loss up to so many times that of the opening, or of the steps before, is healthy."""
FURTHER = 10
"""Steps further back with every attempt."""


@dataclass(frozen=True)
class Retake:
    """How a stretch is taken again.

    Args:
        to: Step that the run goes back to.
        named: Whether the operation at fault is still to be named; then the step is left out.
        event: What is done from step `event.step` on, and what the Trace says of it.
    """

    to: int
    named: bool
    event: Event


def retake(bad: BadStep, steps: Sequence[Step], events: Sequence[Event], *, has_clip: bool) -> Retake | None:
    """The next attempt at a trouble; None where it is given up. A pure function of the Trace.

    First the step is left out: one bad example or batch is the likeliest cause, and costs nothing else. If
    the next is bad too, or the loss was thrown up, the rate is lowered from where the loss was last healthy,
    and gradients are clipped where they were not.
    """
    before = [
        one
        for one in events
        if one.kind == KIND and "inputs" not in one.data and abs(one.data["bad_step"] - bad.step) <= NEAR
    ]
    if len(before) >= TRIES:
        return None
    left_out = [one.data["bad_step"] for one in before if "left_out" in one.data]
    alone = all(abs(bad.step - step) > APART for step in left_out)
    if not bad.is_spike and alone and len(left_out) < OFTEN:
        return Retake(bad.step - 1, True, Event(bad.step, KIND, "", {"bad_step": bad.step, "left_out": 1.0}))
    lowered = [one for one in before if "rate" in one.data]
    to = max(0, healthy_until(steps, bad.step) - FURTHER * len(lowered))
    data = {"bad_step": float(bad.step), "rate": 0.3 if bad.is_spike else 0.1}
    data |= {"spike": 1.0} if bad.is_spike else {}
    cure = f"the rate is {data['rate']:g} of what it was"
    if not has_clip:
        data["clip"] = usual_norm(steps, to)
        cure += f", gradients are clipped at {data['clip']:.3g}"
    text = f"{bad.message}: went back to step {to}, from where {cure}"
    return Retake(to, False, Event(to + 1, KIND, text, data))


def healthy_until(steps: Sequence[Step], bad: int) -> int:
    """The last step whose update led to a healthy loss.

    Example:
        >>> losses = [2.0, 1.9, 1.8, 9.0, 80.0]
        >>> steps = [Step(k, 0.1, loss, 0.1, 1.0, 8, 0.0, 1.0) for k, loss in enumerate(losses, 1)]
        >>> healthy_until(steps, 6)
        2
    """
    known = [(one.step, one.loss) for one in steps if one.step < bad]
    if not known:
        return 0
    healthy = [step for step, loss in known if loss <= TIMES * known[0][1]]
    return max(healthy, default=1) - 1


def usual_norm(steps: Sequence[Step], until: int) -> float:
    """The median gradient norm up to a step; 1 where none was measured."""
    known = [one.gradient_norm for one in steps if one.step <= until and 0 < one.gradient_norm < float("inf")]
    return median(known) if known else 1.0
