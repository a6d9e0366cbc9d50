"""Loss and outputs before training, against guessing."""

from __future__ import annotations

import math

import torch

from upfit.diagnose.preflight.scores import score
from upfit.diagnose.preflight.subject import Subject


@torch.no_grad()
def measure(subject: Subject) -> dict[str, float]:
    """Loss at the start in evaluation mode, and how much the outputs differ between examples.

    For K equally likely classes, guessing costs log K (Karpathy's recipe: check the loss at init).
    """
    subject.model.eval()
    answers, losses = [], []
    for example in subject.batches:
        answer, loss = subject.calls.measured(example)
        answers.append(answer.float().reshape(len(answer), -1))
        losses.append(float(loss))
    width = min(one.shape[1] for one in answers)
    outputs = torch.cat([one[:, :width] for one in answers])
    spread = float(outputs.std(0).mean()) if len(outputs) > 1 else math.nan
    size = float(outputs.abs().mean())
    facts = {
        "start.loss": sum(losses) / len(losses),
        "start.spread": spread,
        "start.size": size,
        "start.constant": float(len(outputs) > 1 and spread <= 1e-6 * max(size, 1e-12)),
        "start.score": score(subject, subject.batches),
    }
    if subject.labels_are_classes:
        facts["start.chance"] = math.log(max(2, classes(subject)))
    return facts


def classes(subject: Subject) -> int:
    """Number of classes: the outputs' last dimension that can be one, or 2 for a single output."""
    answer = subject.calls.answer(subject.batches[0])
    if answer.ndim < 2 or answer.shape[1] == 1:
        return 2
    target = subject.batches[0].target
    by_place = isinstance(target, torch.Tensor) and answer.shape[:-1] == target.shape
    last = answer.ndim == 3 and (by_place or subject.task == "language_model")
    return int(answer.shape[-1] if last else answer.shape[1])
