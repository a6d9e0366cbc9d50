"""Do examples of a batch influence each other?"""

from __future__ import annotations

import torch

from upfit.diagnose.preflight.calls import Example, mapped
from upfit.diagnose.preflight.subject import Subject, batch_size


@torch.no_grad()
def measure(subject: Subject) -> dict[str, float]:
    """In evaluation mode, exchange one example for another and see whether the other answers change.

    The same as asking for the gradient of output i with respect to input j ≠ i (Karpathy's recipe), and it
    works for tokens too.
    """
    subject.model.eval()
    example = subject.batches[0]
    size = batch_size(example)
    if size < 3:
        return {}
    last = size - 1

    def exchange(tensor: torch.Tensor) -> torch.Tensor:
        if not tensor.ndim or len(tensor) != size:
            return tensor
        changed = tensor.clone()
        changed[last] = tensor[0]
        return changed

    before = subject.calls.answer(example).float()
    after = subject.calls.answer(Example(mapped(example.inputs, exchange), example.target)).float()
    if len(before) % size:
        return {}
    before, after = before.reshape(size, -1), after.reshape(size, -1)
    spread = float(before.std(0).mean())
    if not spread:
        return {}
    change = float((after - before)[:last].abs().max())
    return {
        "mixing.change": change / spread,
        "mixing.own_change": float((after - before)[last].abs().max()) / spread,
    }
