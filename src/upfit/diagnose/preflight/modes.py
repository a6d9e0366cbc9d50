"""Two evaluation passes agree, and batch statistics are kept up."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from upfit.diagnose.preflight.subject import Subject


@torch.no_grad()
def measure(subject: Subject) -> dict[str, float]:
    """How far two passes in evaluation mode differ, in units of the outputs' spread; frozen statistics."""
    subject.model.eval()
    example = subject.batches[0]
    first, second = subject.calls.answer(example).float(), subject.calls.answer(example).float()
    spread = float(first.std()) or float(first.abs().mean()) or 1.0
    norms = [m for m in subject.model.modules() if isinstance(m, _BatchNorm) and m.track_running_stats]
    stuck = [m for m in norms if m.momentum == 0.0 and _is_new(m)]
    return {
        "modes.disagree": float((first - second).abs().max()) / spread,
        "modes.batch_norms": float(len(norms)),
        "modes.stuck_norms": len(stuck) / max(1, len(norms)),
        "modes.untracked_norms": float(_untracked(subject.model)),
        "modes.dropout": max(_dropouts(subject.model), default=0.0),
    }


def _untracked(model: nn.Module) -> int:
    """Batch norms that keep no statistics: in evaluation they take those of whatever batch comes."""
    norms = (m for m in model.modules() if isinstance(m, _BatchNorm))
    return sum(m.running_mean is None for m in norms)


def _is_new(norm: _BatchNorm) -> bool:
    mean, variance = norm.running_mean, norm.running_var
    if mean is None or variance is None:
        return False
    return bool((mean == 0).all()) and bool((variance == 1).all())


def _dropouts(model: nn.Module) -> list[float]:
    kinds = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout)
    return [float(m.p) for m in model.modules() if isinstance(m, kinds)]
