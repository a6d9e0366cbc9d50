"""What penalties on the weights pull, beside what the data pull."""

from __future__ import annotations

import math

import torch

from upfit.diagnose.preflight.gradients import total_norm
from upfit.diagnose.preflight.place import mapped
from upfit.diagnose.preflight.subject import Subject


def measure(subject: Subject) -> dict[str, float]:
    """Weight decay times the weights' norm, over the gradient's norm (1 means: they balance).

    `decay.in_loss` is the same of what a loss function adds for the weights by itself: what is left of its
    gradient where the answers are cut off from the weights.
    """
    groups = [group for one in subject.optimizers for group in one.param_groups]
    if not groups:
        return {}
    subject.model.train()
    _, loss = subject.calls.measured(subject.batches[0])
    if not loss.requires_grad:
        return {}
    loss.backward()
    held = [p for group in groups for p in group["params"]]
    steep = total_norm(held)
    pull = math.sqrt(
        sum(
            (float(group.get("weight_decay") or 0.0) * float(p.detach().double().norm())) ** 2
            for group in groups
            for p in group["params"]
        )
    )
    if not steep or not math.isfinite(steep):
        return {}
    return {"decay.pull": pull / steep} | _in_loss(subject, held)


def _in_loss(subject: Subject, held: list[torch.Tensor]) -> dict[str, float]:
    """The gradient of the loss of detached answers, beside the rest of it."""
    if subject.calls.loss_fn is None:
        return {}
    example = subject.batches[0]
    whole = [None if p.grad is None else p.grad.clone() for p in held]
    answer = mapped(subject.calls.raw(example), torch.Tensor.detach)
    alone = subject.calls.loss(answer, example.target)
    if not alone.requires_grad:
        return {"decay.in_loss": 0.0}
    own = torch.autograd.grad(alone, [p for p in held if p.requires_grad], allow_unused=True)
    kept = [one for p, one in zip(held, whole, strict=True) if p.requires_grad]
    pairs = [
        (w if w is not None else torch.zeros_like(g), g)
        for w, g in zip(kept, own, strict=True)
        if g is not None
    ]
    penalty = math.sqrt(sum(float(g.double().square().sum()) for _, g in pairs))
    data = math.sqrt(sum(float((w - g).double().square().sum()) for w, g in pairs))
    return {"decay.in_loss": penalty / data} if data > 0 else {}
