"""The narrowest place that everything has to pass."""

from __future__ import annotations

import math

import torch
from torch import nn

from upfit.diagnose.preflight.calls import Example
from upfit.diagnose.preflight.subject import Subject
from upfit.measure.inside.hooked import hooked
from upfit.measure.inside.layers import owners

NARROW, MOST = 8, 4
"""Numbers for each example up to which a layer is looked at; layers that are looked at, narrowest first."""


@torch.no_grad()
def measure(subject: Subject) -> dict[str, float]:
    """Numbers for each example that the narrowest layer before the last passes on.

    Side paths (gates, scores of attention) are narrow too. A layer is a passage where outputs no longer
    differ between examples once it tells each of them the same.
    """
    if not subject.batches:
        return {}
    subject.model.eval()
    example, layers = subject.batches[0], list(owners(subject.model).values())
    widths: dict[nn.Module, int] = {}

    def note(layer: nn.Module, _inputs: object, output: object) -> None:
        if isinstance(output, torch.Tensor) and output.ndim >= 2:
            # A text is as long as it is: of its words each has so many numbers.
            shape = output.shape[-1:] if isinstance(layer, nn.Embedding) else output.shape[1:]
            widths[layer] = math.prod(shape)

    with hooked(layers, after=note):
        answer = subject.calls.answer(example).float()
    before_the_last = sorted((width, place) for place, width in enumerate(list(widths.values())[:-1]))
    for width, place in before_the_last[:MOST]:
        layer = list(widths)[place]
        if width <= NARROW and _is_passage(subject, example, layer, answer):
            return {"narrow.width": float(width)}
    return {}


def _is_passage(subject: Subject, example: Example, layer: nn.Module, answer: torch.Tensor) -> bool:
    def level(layer: nn.Module, _inputs: object, output: torch.Tensor) -> torch.Tensor:
        over = tuple(range(output.ndim - 1)) if isinstance(layer, nn.Embedding) else 0
        return output.mean(over, keepdim=True).expand_as(output)

    with hooked([layer], after=level):
        levelled = subject.calls.answer(example).float()
    spread = float(answer.std(0).max())
    return len(answer) > 1 and spread > 0 and float(levelled.std(0).max()) < 1e-4 * spread
