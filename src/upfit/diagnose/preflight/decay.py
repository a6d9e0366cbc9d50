"""What the penalty on the weights pulls, beside what the data pull."""

from __future__ import annotations

import math

from upfit.diagnose.preflight.gradients import total_norm
from upfit.diagnose.preflight.subject import Subject


def measure(subject: Subject) -> dict[str, float]:
    """Weight decay times the weights' norm, over the gradient's norm (1 means: they balance)."""
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
    return {"decay.pull": pull / steep}
