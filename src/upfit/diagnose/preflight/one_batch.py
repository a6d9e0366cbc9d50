"""Can the model learn one batch by heart?"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch

from upfit.diagnose.preflight.allowance import within
from upfit.diagnose.preflight.calls import Example, tensors_in
from upfit.diagnose.preflight.place import mapped
from upfit.diagnose.preflight.scores import score
from upfit.diagnose.preflight.subject import Subject, batch_size, first, usable
from upfit.diagnose.preflight.untouched import untouched

EXAMPLES = 16
STEPS = 60
RATES = (3e-3, 3e-2)
"""Of Adam. The second is tried where the first leads nowhere: sigmoids are slow, which is not small."""
LEARNT = 0.7
"""Of the loss: what is left of it where nothing was learnt."""


def measure(subject: Subject) -> dict[str, float]:
    """Loss of 16 examples before and after 60 steps of Adam, in evaluation mode; then with inputs of zero.

    A model with enough capacity, intact wiring and a loss that suits its output gets close to zero. What is
    told is the better of two rates.
    """
    example = first(subject.batches[0], EXAMPLES)
    wanted = [p for p in subject.model.parameters() if p.requires_grad]
    if not wanted or not usable(example) or batch_size(example) < 2:
        return {}
    subject.model.eval()
    start, clock = _loss(subject, example), within(subject.seconds)
    best: dict[str, float] = {}
    for rate in RATES:
        with untouched(subject.model, subject.optimizers):
            optimizer = torch.optim.Adam(wanted, lr=rate)
            facts = {"one_batch.start": start} | _by_heart(subject, example, optimizer, clock)
        if not best or facts["one_batch.end"] < best["one_batch.end"]:
            best = facts
        if not start > 0 or best["one_batch.end"] < LEARNT * start:
            break
    return best


def _by_heart(
    subject: Subject, example: Example, optimizer: torch.optim.Optimizer, clock: Iterator[int]
) -> dict[str, float]:
    """What is left after some steps at one rate."""
    taken = 0
    for _ in zip(range(STEPS), clock, strict=False):
        optimizer.zero_grad()
        _, loss = subject.calls.measured(example)
        if not loss.requires_grad or not math.isfinite(float(loss.detach())):
            break
        loss.backward()
        optimizer.step()
        taken += 1
    facts = {"one_batch.steps": float(taken), "one_batch.end": _loss(subject, example)}
    facts["one_batch.score"] = score(subject, [example])
    if not _is_tokens(example):
        blank = Example(mapped(example.inputs, torch.zeros_like), example.target)
        facts["one_batch.blank"] = _loss(subject, blank)
    return facts


@torch.no_grad()
def _loss(subject: Subject, example: Example) -> float:
    return float(subject.calls.measured(example)[1])


def _is_tokens(example: Example) -> bool:
    return any(not tensor.is_floating_point() for tensor in tensors_in(example.inputs))
