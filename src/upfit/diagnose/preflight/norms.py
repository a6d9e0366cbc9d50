"""What a trained normalisation was used to, beside what the training batches bring it.

Only the first one is looked at: deeper ones differ wherever pictures are of other things than those learnt
from, the first mostly where pixels are on another scale.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from upfit.diagnose.preflight.subject import Subject
from upfit.measure.inside.hooked import hooked

STILL = 1e-6
"""Variance of a channel that says nothing, beside the largest of them."""


@torch.no_grad()
def measure(subject: Subject) -> dict[str, float]:
    """Variance of what reaches the first batch norm over what it has learnt; how far means lie apart.

    Medians over channels. Nothing where no batch norm has learnt anything yet.
    """
    found: list[tuple[_BatchNorm, torch.Tensor]] = []

    def note(norm: nn.Module, inputs: tuple[object, ...]) -> None:
        if isinstance(norm, _BatchNorm) and inputs and isinstance(inputs[0], torch.Tensor):
            found.append((norm, inputs[0].detach()))

    norms = [module for module in subject.model.modules() if isinstance(module, _BatchNorm)]
    if not norms or not subject.batches:
        return {}
    subject.model.eval()
    with hooked(norms, before=note):
        for example in subject.batches:
            subject.calls.raw(example)
    return _apart(found[0][0], [values for norm, values in found if norm is found[0][0]]) if found else {}


def _apart(norm: _BatchNorm, batches: list[torch.Tensor]) -> dict[str, float]:
    mean, variance = norm.running_mean, norm.running_var
    if mean is None or variance is None or not bool(mean.any()):
        return {}
    # (B, C, …) → (C, values)
    values = torch.cat([one.transpose(0, 1).flatten(1) for one in batches], 1).float()
    lively = variance > STILL * variance.max()
    if values.shape[1] < 2 or not bool(lively.any()):
        return {}
    values, mean, variance = values[lively], mean[lively].float(), variance[lively].float()
    shift = (values.mean(1) - mean).abs() / variance.sqrt()
    return {
        "norms.ratio": float((values.var(1) / variance).median()),
        "norms.shift": float(shift.median()),
    }
