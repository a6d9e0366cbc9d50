"""A short range test: the user's own optimizer at a tenth, once, ten and a hundred times its rate."""

from __future__ import annotations

import math

import torch

from upfit.diagnose.preflight.allowance import within
from upfit.diagnose.preflight.calls import Example
from upfit.diagnose.preflight.subject import Subject, repeated, usable
from upfit.diagnose.preflight.untouched import untouched

FACTORS = {"rates.tenth": 0.1, "rates.as_set": 1.0, "rates.ten": 10.0, "rates.hundred": 100.0}
STEPS = 16
LAST = 4
FEWEST = 8


def measure(subject: Subject) -> dict[str, float]:
    """Mean loss over the last four of sixteen steps, at each rate, from the same start and batches.

    The loss at the start is that of the batches of those four steps: one batch alone may lie far from others.
    """
    examples = [one for one in subject.batches if usable(one)]
    if not examples or not subject.optimizers or _rate(subject) <= 0:
        return {}
    curves = {}
    for name, factor in FACTORS.items():
        state = torch.get_rng_state()
        with untouched(subject.model, subject.optimizers):
            curves[name] = _train(subject, examples, factor)
        torch.set_rng_state(state)
    shortest = min((len(curve) for curve in curves.values()), default=0)
    if shortest < FEWEST:
        return {}
    facts = {name: _end(curve[:shortest]) for name, curve in curves.items()}
    facts = {name: value for name, value in facts.items() if math.isfinite(value)}
    facts["rates.diverged"] = float("rates.as_set" not in facts)
    facts["rates.start"] = _start(subject, [examples[step % len(examples)] for step in range(shortest)])
    facts["rates.worst"] = max((x for x in curves["rates.as_set"] if math.isfinite(x)), default=math.nan)
    facts["rates.steps"] = float(shortest)
    return {name: value for name, value in facts.items() if math.isfinite(value)}


def _train(subject: Subject, examples: list[Example], factor: float) -> list[float]:
    subject.model.train()
    for optimizer in subject.optimizers:
        for group in optimizer.param_groups:
            group["lr"] = float(group.get("initial_lr", group["lr"])) * factor
    losses: list[float] = []
    turns = zip(range(STEPS), within(subject.seconds), repeated(examples), strict=False)
    for _, _, example in turns:
        for optimizer in subject.optimizers:
            optimizer.zero_grad()
        _, loss = subject.calls.measured(example)
        losses.append(float(loss.detach()))
        if not loss.requires_grad:
            break
        if not math.isfinite(losses[-1]):
            return losses + [math.inf] * (STEPS - len(losses))
        loss.backward()
        for optimizer in subject.optimizers:
            optimizer.step()
    return losses


@torch.no_grad()
def _start(subject: Subject, examples: list[Example]) -> float:
    subject.model.train()
    return _end([float(subject.calls.measured(one)[1]) for one in examples[-LAST:]])


def _end(curve: list[float]) -> float:
    return sum(curve[-LAST:]) / len(curve[-LAST:])


def _rate(subject: Subject) -> float:
    return max(
        float(group.get("initial_lr", group.get("lr", 0.0)))
        for optimizer in subject.optimizers
        for group in optimizer.param_groups
    )
