"""Do examples of a batch influence each other?"""

from __future__ import annotations

import warnings
from functools import partial

import torch

from upfit.diagnose.preflight.calls import Example
from upfit.diagnose.preflight.place import mapped
from upfit.diagnose.preflight.subject import Subject, batch_size, first


@torch.no_grad()
def measure(subject: Subject) -> dict[str, float]:
    """In evaluation mode, exchange an example for another: do the other answers change?

    The last one is exchanged, and the first: where a batch is read as steps of time, only what comes later
    changes. The same as asking for the gradient of output i with respect to input j ≠ i (Karpathy's recipe),
    and it works for tokens too.
    """
    subject.model.eval()
    example = subject.batches[0]
    size = batch_size(example)
    if size < 3:
        return {}
    before = _answer(subject, example)
    if len(before) % size:
        return {}
    before = before.reshape(size, -1)
    spread = float(before.std(0).mean())
    if not spread:
        return {}
    others, own = [], []
    for place, source in ((size - 1, 0), (0, size - 1)):
        changed = Example(mapped(example.inputs, partial(_exchanged, place, source, size)), example.target)
        moved = (_answer(subject, changed).reshape(size, -1) - before).abs().amax(1) / spread
        own.append(float(moved[place]))
        others.append(float(torch.cat([moved[:place], moved[place + 1 :]]).max()))
    alone = _alone(subject, example)
    return {"mixing.change": max(others), "mixing.own_change": max(own), "mixing.alone_undefined": alone}


def _alone(subject: Subject, example: Example) -> float:
    """Whether an example by itself has no answer, as where a spread is taken over the batch."""
    with warnings.catch_warnings():
        # A spread over one example is what is asked about.
        warnings.simplefilter("ignore")
        try:
            return float(not bool(torch.isfinite(_answer(subject, first(example, 1))).all()))
        except (RuntimeError, ValueError, IndexError, TypeError):
            return 0.0


def _answer(subject: Subject, example: Example) -> torch.Tensor:
    """With the same noise each time, if any is left on: that is another fault."""
    torch.manual_seed(0)
    return subject.calls.answer(example).float()


def _exchanged(place: int, source: int, size: int, tensor: torch.Tensor) -> torch.Tensor:
    """A tensor of a batch with one example put in the place of another."""
    if not tensor.ndim or len(tensor) != size:
        return tensor
    changed = tensor.clone()
    changed[place] = tensor[source]
    return changed
