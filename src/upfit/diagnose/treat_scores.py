"""Outputs of somebody's model as the scores that `measure` judges."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from upfit.diagnose.preflight.calls import Calls, main_tensor
from upfit.diagnose.preflight.subject import fresh
from upfit.errors import DataError
from upfit.values import Task

MOST = 20_000
"""Rows that are judged at most: a language model has one a token."""


@dataclass(frozen=True, eq=False)
class Scored:
    """Validation as `measure` takes it: the task, scores (N, K), targets, and the mean loss."""

    task: Task
    scores: npt.NDArray[np.float32]
    targets: npt.NDArray[Any]
    loss: float


@torch.no_grad()
def scored(calls: Calls, loader: Any, task: str) -> Scored:
    """Validate a model in evaluation mode; its training modes are as before afterwards.

    Args:
        calls: The model and how it is called.
        loader: Validation batches.
        task: As in `Doctor`.
    """
    modes = [(module, module.training) for module in calls.model.modules()]
    calls.model.eval()
    outputs, targets, losses, counts = [], [], [], []
    for batch in fresh(loader):
        raw, target = calls.asked(batch)
        losses.append(float(calls.loss(raw, target)))
        outputs.append(main_tensor(raw).float().cpu())
        targets.append(torch.as_tensor(target).cpu())
        counts.append(len(outputs[-1]))
    for module, training in modes:
        module.training = training
    if not outputs:
        raise DataError("the validation loader gives no batches")
    loss = float(np.average(losses, weights=counts))
    if task != "regression" and _are_shares(torch.cat(outputs), torch.cat(targets), loss):
        outputs = [torch.logit(one, eps=1e-6) for one in outputs]
    name, rows, truth = _rows(outputs, targets, task)
    step = max(1, -(-len(rows) // MOST))
    kept = _finite(rows[::step], name)
    return Scored(name, kept.numpy().astype(np.float32), truth[::step].numpy(), loss)


def _are_shares(outputs: torch.Tensor, targets: torch.Tensor, loss: float) -> bool:
    """Whether outputs that stand alone are probabilities: between 0 and 1, and the loss is none on logits."""
    if outputs.ndim > 2 or outputs.numel() != targets.numel() or not bool(torch.isfinite(outputs).all()):
        return False
    if float(outputs.min()) < 0 or float(outputs.max()) > 1:
        return False
    on_logits = F.binary_cross_entropy_with_logits(outputs.reshape(-1), targets.reshape(-1).float())
    return not math.isclose(float(on_logits), loss, rel_tol=1e-3)


def _finite(rows: torch.Tensor, task: Task) -> torch.Tensor:
    """Rows that are no numbers say nothing: every class alike, the value 0."""
    if task not in ("binary", "multiclass"):
        return torch.nan_to_num(rows, nan=0.0, posinf=0.0, neginf=0.0)
    known = torch.isfinite(rows).all(1, keepdim=True)
    return torch.where(known, rows, torch.full_like(rows, 1 / rows.shape[1]))


def _rows(
    outputs: list[torch.Tensor], targets: list[torch.Tensor], task: str
) -> tuple[Task, torch.Tensor, torch.Tensor]:
    if task == "regression":
        return "regression", _flat(outputs)[:, None], _flat(targets).float()
    if task == "multilabel":
        return "multilabel", torch.cat(outputs).sigmoid(), torch.cat(targets).float()
    pairs = [_classes(out, target) for out, target in zip(outputs, targets, strict=True)]
    logits, truth = torch.cat([one for one, _ in pairs]), torch.cat([other for _, other in pairs])
    # Targets that a loss leaves out, such as -100, are left out here too.
    known = (truth >= 0) & (truth < max(2, logits.shape[1]))
    logits, truth = logits[known], truth[known]
    if not len(truth):
        raise DataError("validation holds no target that could be judged", expected="class numbers from 0")
    one = logits.sigmoid() if logits.shape[1] == 1 else logits.softmax(1)
    scores = torch.cat([1 - one, one], 1) if logits.shape[1] == 1 else one
    return ("binary" if scores.shape[1] == 2 else "multiclass"), scores, truth


def _classes(output: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits (N, K) and class numbers (N,), of sequences and one-hot targets too."""
    if output.ndim == 1:
        output = output[:, None]
    if output.ndim > 2:
        last = output.shape[:-1] == target.shape
        output = output if last else output.movedim(1, -1)
        return output.reshape(-1, output.shape[-1]), target.reshape(-1).long()
    if target.shape == output.shape and output.shape[1] > 1:
        return output, target.argmax(1)
    return output, target.reshape(-1).round().long()


def _flat(parts: list[torch.Tensor]) -> torch.Tensor:
    return torch.cat([part.reshape(-1) for part in parts])
