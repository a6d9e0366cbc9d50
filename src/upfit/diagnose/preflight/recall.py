"""Does what comes first in a sequence reach the answer of a recurrent layer?"""

from __future__ import annotations

import torch
from torch import nn

from upfit.diagnose.preflight.subject import Subject
from upfit.measure.inside.hooked import hooked

SHORTEST = 10
"""Places of a sequence; over fewer nothing is lost."""


def measure(subject: Subject) -> dict[str, float]:
    """Gradient at the first tenth of places, over that at the last tenth, of the first recurrent layer."""
    layer = next((m for m in subject.model.modules() if isinstance(m, nn.RNNBase)), None)
    if layer is None or not subject.batches:
        return {}
    read: list[torch.Tensor] = []

    def open_up(_layer: nn.Module, inputs: tuple[object, ...]) -> tuple[object, ...] | None:
        if read or not inputs or not isinstance(inputs[0], torch.Tensor) or inputs[0].ndim != 3:
            return None
        read.append(inputs[0].detach().clone().requires_grad_())
        return (read[0], *inputs[1:])

    subject.model.train()
    with hooked([layer], before=open_up):
        _, loss = subject.calls.measured(subject.batches[0])
    if not read or not loss.requires_grad:
        return {}
    loss.backward()
    gradient = read[0].grad
    if gradient is None:
        return {}
    by_place = gradient.transpose(0, 1) if layer.batch_first else gradient
    norms = by_place.flatten(1).norm(dim=1)
    tenth = len(norms) // 10
    if len(norms) < SHORTEST or not float(norms[-tenth:].mean()):
        return {}
    return {"recall.first_over_last": float(norms[:tenth].mean() / norms[-tenth:].mean())}
