"""Does the loss make labels compete that may be true together, or all be false?"""

from __future__ import annotations

import torch

from upfit.diagnose.preflight.subject import Subject

MOVED = 3.0
"""Added to all answers of an example: a loss of shares does not see it, one of each label by itself does."""
ALIKE = 1e-4
"""Of the loss: what is left of a shift in single precision."""


@torch.no_grad()
def measure(subject: Subject) -> dict[str, float]:
    """Whether targets are noughts and ones, not one 1 to each example, and the loss shares out one whole.

    A softmax is the same when a number is added to all answers of an example (shares of them stay).
    """
    if not subject.batches or not isinstance(subject.batches[0].target, torch.Tensor):
        return {}
    example = subject.batches[0]
    subject.model.eval()
    answer, target = subject.calls.raw(example), example.target
    if not isinstance(answer, torch.Tensor) or answer.shape != target.shape or answer.ndim != 2:
        return {}
    marks = bool(((target == 0) | (target == 1)).all()) and answer.shape[1] > 1
    if not marks or bool((target.sum(1) == 1).all()):
        return {}
    shifts = MOVED * torch.arange(1, len(answer) + 1, device=answer.device).remainder(3)[:, None]
    before = float(subject.calls.loss(answer, target))
    after = float(subject.calls.loss(answer + shifts, target))
    return {"output.shared_out": float(abs(after - before) <= ALIKE * max(1.0, abs(before)))}
