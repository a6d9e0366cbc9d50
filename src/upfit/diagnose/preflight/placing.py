"""With which places' targets does the loss of a sequence compare the answers?"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from upfit.diagnose.preflight.calls import Example, tensors_in
from upfit.diagnose.preflight.subject import Subject
from upfit.measure.inside.scores import IGNORED

FURTHEST = 4
"""Places by which targets may have been moved."""
CLEAR = 0.95
"""Of places: those whose target is the token so many places on."""
ITSELF = 0.1
"""Of the cost of right answers in their places: what they cost earlier, where the loss moves by itself."""
SURE = 10.0
"""Size of a logit that leaves little doubt; label smoothing makes larger ones dear."""


@torch.no_grad()
def measure(subject: Subject) -> dict[str, float]:
    """What right answers cost in their places, one place earlier, and in other rows; and what none cost.

    A loss that moves targets by one place itself wants the answer one place earlier. `placing.same` is the
    share of places whose target is the very token that is read there; `placing.ahead`, of language models,
    by how many places the loss looks ahead of what is read, by targets that were moved and by itself.
    """
    subject.model.eval()
    example = subject.batches[0]
    target, answer = example.target, subject.calls.answer(example)
    if subject.calls.loss_fn is None or not isinstance(target, torch.Tensor) or target.is_floating_point():
        return {}
    if answer.ndim != 3 or target.ndim != 2 or answer.shape[:2] != target.shape or min(target.shape) < 3:
        return {}
    known = target.clamp(0, answer.shape[2] - 1)
    right = SURE * F.one_hot(known, answer.shape[2]).to(answer.dtype)
    facts = {
        "placing.right": float(subject.calls.loss(right, target)),
        "placing.moved": float(subject.calls.loss(right.roll(-1, 1), target)),
        "placing.elsewhere": float(subject.calls.loss(right.roll(1, 0), target)),
        "placing.nothing": float(subject.calls.loss(torch.zeros_like(right), target)),
    }
    tokens = _tokens(example, target)
    if tokens is None:
        return facts
    ahead = _ahead(tokens, target, facts) if subject.task == "language_model" else {}
    same = {"placing.same": _agree(tokens, target)} if bool((target != IGNORED).any()) else {}
    return facts | same | ahead


def _tokens(example: Example, target: torch.Tensor) -> torch.Tensor | None:
    """The tokens that are read where the targets are judged."""
    tokens = next((t for t in tensors_in(example.inputs) if t.shape == target.shape), None)
    return None if tokens is None or tokens.is_floating_point() else tokens


def _ahead(tokens: torch.Tensor, target: torch.Tensor, facts: dict[str, float]) -> dict[str, float]:
    """Places between the token that is read and the one that is to be foretold; nothing where none fits."""
    width = target.shape[1]
    shares = [_agree(tokens[:, by:], target[:, : width - by]) for by in range(min(FURTHEST, width - 1))]
    best = max(range(len(shares)), key=shares.__getitem__)
    if shares[best] < CLEAR:
        return {}
    itself = facts["placing.moved"] < ITSELF * facts["placing.right"]
    return {"placing.ahead": float(best + itself)}


def _agree(tokens: torch.Tensor, target: torch.Tensor) -> float:
    """Share of the judged places whose target is the token that stands there."""
    judged = target != IGNORED
    return float((tokens == target)[judged].float().mean()) if bool(judged.any()) else 0.0
