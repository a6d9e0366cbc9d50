"""One number for how right a network's answers are: accuracy for classes and labels, R² for values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch

Task = Literal["classification", "regression", "multilabel", "language_model"]
IGNORED = -100


def agreement(answers: Sequence[torch.Tensor], targets: Sequence[torch.Tensor], task: Task) -> float:
    """Accuracy of classes or of labels, R² of values; one tensor per batch."""
    if task == "regression":
        return _r2(torch.cat([a.reshape(-1) for a in answers]), torch.cat([t.reshape(-1) for t in targets]))
    right = total = 0
    for answer, target in zip(answers, targets, strict=True):
        if task == "multilabel" and answer.shape == target.shape:
            threshold = 0.5 if _are_shares(answer) else 0.0
            hits = (answer > threshold) == (target > 0.5)
        else:
            found = _classes(answer, target)
            if found is None:
                return math.nan
            hits = found
        right, total = right + int(hits.sum()), total + hits.numel()
    return right / total if total else math.nan


def _classes(answer: torch.Tensor, target: torch.Tensor) -> torch.Tensor | None:
    """Hits of the class with the highest score; targets as indices, columns or one-hot rows."""
    if answer.ndim == 2 and answer.shape[1] > 1 and target.shape == answer.shape:
        return answer.argmax(1) == target.argmax(1)
    flat = target.reshape(-1)
    if answer.numel() == target.numel():
        given = answer.reshape(-1)
        shares = _are_shares(given) and float(flat.max()) <= 1
        guess = (given > 0.5) if shares else (given > 0) if float(flat.max()) <= 1 else given.round()
        return guess.to(flat.dtype) == flat
    if answer.ndim == 3:
        layout = answer if answer.shape[:2] == target.shape else answer.transpose(1, 2)
        answer = layout.reshape(-1, layout.shape[-1])
    if answer.ndim < 2 or len(answer) != len(flat):
        return None
    kept = flat != IGNORED
    return answer.argmax(1)[kept] == flat[kept]


def _are_shares(answer: torch.Tensor) -> bool:
    return bool((answer >= 0).all() and (answer <= 1).all())


def _r2(answer: torch.Tensor, target: torch.Tensor) -> float:
    if answer.shape != target.shape or len(target) < 2:
        return math.nan
    spread = float(((target - target.mean()) ** 2).sum())
    error = float(((answer - target) ** 2).sum())
    return 1 - error / spread if spread > 0 and math.isfinite(error) else math.nan
