"""One number for how right the answers are: accuracy for classes and labels, R² for values."""

from __future__ import annotations

import math

import torch

from upfit.diagnose.preflight.calls import Example
from upfit.diagnose.preflight.subject import Subject
from upfit.measure.inside.scores import agreement


@torch.no_grad()
def score(subject: Subject, examples: list[Example]) -> float:
    """Accuracy or R² over some batches in the model's present mode; NaN where it cannot be said."""
    answers, targets = [], []
    for example in examples:
        if not isinstance(example.target, torch.Tensor):
            return math.nan
        answers.append(subject.calls.answer(example))
        targets.append(example.target)
    return agreement(answers, targets, subject.task)
