"""Gradient noise: random steps that die out, to get away from where training began."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import nn

from upfit.techniques.card import Card
from upfit.techniques.draw import generator_on
from upfit.values import Value

POWER = 0.55
"""How fast the variance falls with the step, from the paper."""


def noise_scale(step: float, *, strength: float) -> float:
    """Standard deviation at a step (from 0): the root of `strength` / (1 + step)^0.55.

    Example:
        >>> round(noise_scale(0, strength=0.3), 3), round(noise_scale(1000, strength=0.3), 3)
        (0.548, 0.082)
    """
    return float((strength / (1 + step) ** POWER) ** 0.5)


@torch.no_grad()
def add_noise(parameters: Sequence[nn.Parameter], scale: float, rng: torch.Generator) -> None:
    """Add normal noise to all gradients in place, `scale` times each tensor's own root mean square."""
    grads = [p.grad for p in parameters if p.grad is not None]
    generators = {device: generator_on(device, rng) for device in dict.fromkeys(g.device for g in grads)}
    for grad in grads:
        noise = torch.empty_like(grad).normal_(generator=generators[grad.device])
        grad.addcmul_(noise, grad.square().mean().sqrt(), value=scale)


class GradientNoise(Value):
    """Gradient noise that anneals.

    The paper's figure is absolute; here it is in units of each tensor's root mean square gradient, since no
    single figure suits both the head and the first layers of a pretrained network.

    Args:
        strength: The paper's eta: the variance of the first step.
        steps: Length of the run, which says where in the annealing it stands.
    """

    strength: float = Field(default=0.1, ge=0, allow_inf_nan=False)
    steps: Annotated[int, Field(ge=1)] | Literal["auto"] = "auto"

    def settle(self, total_steps: int) -> GradientNoise:
        """With the length of the run."""
        return self if self.steps != "auto" else self.replace(steps=total_steps)

    def on_grads(self, parameters: Sequence[nn.Parameter], rng: torch.Generator, progress: float) -> None:
        """Add this step's noise."""
        if not self.strength:
            return
        assert not isinstance(self.steps, str), "settle() comes first"
        add_noise(parameters, noise_scale(progress * self.steps, strength=self.strength), rng)


CARD = Card(
    name="gradient_noise",
    switch="techniques.gradient_noise={strength: 0.1}",
    row="T3",
    what="Adds normal noise to the gradients; its variance falls with the step to the power of 0.55.",
    when="Training from poor starting weights: deep networks without norms, fresh layers.",
    when_not="Fine-tuning that goes well: small batches are noise enough.",
    combine="With everything; after `clip` in the list, so that clipping measures the gradient and not the "
    "noise.",
    source="Neelakantan et al. 2015",
    absent="techniques.gradient_noise={strength: 0}",
)
