"""Can the model learn one batch by heart?"""

from __future__ import annotations

import math

import torch

from upfit.diagnose.preflight.calls import Example, mapped
from upfit.diagnose.preflight.scores import score
from upfit.diagnose.preflight.subject import Subject, batch_size, usable, within

EXAMPLES = 16
STEPS = 60
RATE = 3e-3


def measure(subject: Subject) -> dict[str, float]:
    """Loss of 16 examples before and after 60 steps of Adam, in evaluation mode; then with inputs of zero.

    A model with enough capacity, intact wiring and a loss that suits its output gets close to zero.
    """
    example = _few(subject.batches[0])
    wanted = [p for p in subject.model.parameters() if p.requires_grad]
    if not wanted or not usable(example) or batch_size(example) < 2:
        return {}
    subject.model.eval()
    start = _loss(subject, example)
    optimizer = torch.optim.Adam(wanted, lr=RATE)
    taken = 0
    for _ in zip(range(STEPS), within(subject.seconds), strict=False):
        optimizer.zero_grad()
        _, loss = subject.calls.measured(example)
        if not loss.requires_grad or not math.isfinite(float(loss.detach())):
            break
        loss.backward()
        optimizer.step()
        taken += 1
    facts = {
        "one_batch.steps": float(taken),
        "one_batch.start": start,
        "one_batch.end": _loss(subject, example),
    }
    facts["one_batch.score"] = score(subject, [example])
    if not _is_tokens(example):
        blank = Example(mapped(example.inputs, torch.zeros_like), example.target)
        facts["one_batch.blank"] = _loss(subject, blank)
    return facts


@torch.no_grad()
def _loss(subject: Subject, example: Example) -> float:
    return float(subject.calls.measured(example)[1])


def _few(example: Example) -> Example:
    size = batch_size(example)

    def first(tensor: torch.Tensor) -> torch.Tensor:
        return tensor[:EXAMPLES] if tensor.ndim and len(tensor) == size else tensor

    return Example(mapped(example.inputs, first), mapped(example.target, first))


def _is_tokens(example: Example) -> bool:
    from upfit.diagnose.preflight.calls import tensors_in

    return any(not tensor.is_floating_point() for tensor in tensors_in(example.inputs))
