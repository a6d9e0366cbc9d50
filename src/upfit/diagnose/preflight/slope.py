"""Is the gradient that of the loss? Measured in each layer by a small step to and fro."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from upfit.diagnose.preflight.calls import Example
from upfit.diagnose.preflight.subject import Subject, usable
from upfit.measure.inside.layers import layer_weights

STEP = 1e-2
"""Length of the step beside the weights."""
AUDIBLE = 1e-4
"""Of the loss: a smaller change drowns in rounding."""


def measure(subject: Subject) -> dict[str, float]:
    """How much the loss falls along the negative gradient, beside what that promises: 1 if it is right.

    `slope.least` is that of the layer in which it is least. Where a sign is turned on the way back (a layer
    for gradient reversal, a backward pass written by hand) it is below zero in all layers before that.
    """
    example = subject.batches[0]
    if not usable(example):
        return {}
    subject.model.eval()
    loss = _loss(subject, example)
    if not loss.requires_grad:
        return {}
    loss.backward()
    found = [
        slope
        for weights in layer_weights(subject.model).values()
        if math.isfinite(slope := _slope(subject, example, weights, abs(float(loss.detach()))))
    ]
    return {"slope.least": min(found), "slope.layers": float(len(found))} if found else {}


def _slope(subject: Subject, example: Example, weights: Sequence[torch.Tensor], size: float) -> float:
    """Measured over promised change of the loss; NaN where the step is too faint to be heard."""
    held = [w for w in weights if w.requires_grad and w.grad is not None and not w.grad.is_sparse]
    gradients = [w.grad.detach().clone() for w in held if w.grad is not None]
    steep = math.sqrt(sum(float(g.double().pow(2).sum()) for g in gradients))
    large = math.sqrt(sum(float(w.detach().double().pow(2).sum()) for w in held))
    if not steep > 0 or not large > 0 or not math.isfinite(steep):
        return math.nan
    length = STEP * large / steep
    if 2 * length * steep**2 < AUDIBLE * size:
        return math.nan
    ahead, behind = (_moved(subject, example, held, gradients, by) for by in (-length, length))
    return (behind - ahead) / (2 * length * steep**2)


@torch.no_grad()
def _moved(
    subject: Subject, example: Example, weights: list[torch.Tensor], gradients: list[torch.Tensor], by: float
) -> float:
    """The loss with weights moved along their gradients; they are put back."""
    before = [w.detach().clone() for w in weights]
    for w, g in zip(weights, gradients, strict=True):
        w.add_(g, alpha=by)
    loss = float(_loss(subject, example))
    for w, old in zip(weights, before, strict=True):
        w.copy_(old)
    return loss


def _loss(subject: Subject, example: Example) -> torch.Tensor:
    """The same dropout, the same noise each time, if any is left on."""
    torch.manual_seed(0)
    return subject.calls.measured(example)[1]
