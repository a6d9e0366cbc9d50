"""Is there a class about which the loss says nothing?"""

from __future__ import annotations

import torch

from upfit.diagnose.preflight.calls import Example
from upfit.diagnose.preflight.subject import Subject

FEWEST = 4
"""Examples of a class in a batch, of which none has a say."""


def measure(subject: Subject) -> dict[str, float]:
    """Whether no answer to an example of some class changes the loss, though answers to others do.

    Labels below zero mark what is to be ignored.
    """
    if subject.task not in ("classification", "multilabel"):
        return {}
    subject.model.eval()
    known = [_heard(subject, example) for example in subject.batches]
    read = [one for one in known if one is not None]
    if not read:
        return {}
    labels, heard = torch.cat([one for one, _ in read]), torch.cat([one for _, one in read])
    classes = [labels == one for one in labels.unique().tolist() if one >= 0]
    unheard = [rows for rows in classes if int(rows.sum()) >= FEWEST and not bool(heard[rows].any())]
    return {"silence.classes": float(len(unheard) if heard.any() else 0)}


def _heard(subject: Subject, example: Example) -> tuple[torch.Tensor, torch.Tensor] | None:
    """Labels (B,), and whether the answer to each example has a say in the loss (B,).

    Answers that are sure already may have no slope left: those that say nothing have one.
    """
    with torch.no_grad():
        raw = subject.calls.raw(example)
    target = example.target
    if not isinstance(raw, torch.Tensor) or not isinstance(target, torch.Tensor) or len(raw) != len(target):
        return None
    if target.numel() != len(target):
        return None
    pulls = [_pull(subject, one, target) for one in (raw, torch.zeros_like(raw))]
    return target.reshape(-1), torch.stack(pulls).any(0)


def _pull(subject: Subject, answer: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    answer = answer.detach().clone().requires_grad_()
    loss = subject.calls.loss(answer, target)
    pull = torch.autograd.grad(loss, answer, allow_unused=True)[0] if loss.requires_grad else None
    pull = torch.zeros_like(answer) if pull is None else pull
    return pull.reshape(len(pull), -1).abs().sum(1) > 0
