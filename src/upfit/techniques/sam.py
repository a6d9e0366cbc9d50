"""Sharpness-aware minimisation: the gradient is taken where the loss is worst nearby."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from pydantic import Field
from torch import nn

from upfit.techniques.card import Card
from upfit.values import Value


@torch.no_grad()
def climb(parameters: Sequence[torch.Tensor], rho: float, *, adaptive: bool = False) -> None:
    """Move parameters in place by a step of length `rho` along their gradients, uphill.

    Args:
        parameters: With gradients.
        rho: Length of the step (L2 over all parameters together).
        adaptive: Measure the length relative to each weight's size, as ASAM does.

    Example:
        >>> weight = nn.Parameter(torch.tensor([1.0, 1.0]))
        >>> weight.grad = torch.tensor([3.0, 4.0])
        >>> climb([weight], 0.5)
        >>> weight.data
        tensor([1.3000, 1.4000])
    """
    grads = [p.grad for p in parameters if p.grad is not None]
    sizes = [p.abs() for p in parameters] if adaptive else None
    steps = list(torch._foreach_mul(grads, sizes)) if sizes is not None else grads
    scale = rho / (torch.nn.utils.get_total_norm(steps) + 1e-12)
    if sizes is not None:
        steps = list(torch._foreach_mul(steps, sizes))
    torch._foreach_add_(list(parameters), torch._foreach_mul(steps, scale))


class Sam(Value):
    """SAM; `rho` 0 is without. `adaptive` is ASAM, where a ten times larger `rho` is usual."""

    rho: float = Field(default=0.05, ge=0, allow_inf_nan=False)
    adaptive: bool = False

    def around_step(
        self, backward: Callable[[], torch.Tensor], parameters: Sequence[nn.Parameter]
    ) -> torch.Tensor:
        """Gradients of where the climb ended, in weights that are as before; the loss before the climb."""
        loss = backward()
        if not self.rho:
            return loss
        climbing: list[torch.Tensor] = [p for p in parameters if p.grad is not None]
        # Kept and put back, since subtracting what was added leaves rounding behind.
        before = [p.detach().clone() for p in climbing]
        climb(climbing, self.rho, adaptive=self.adaptive)
        for p in climbing:
            p.grad = None
        try:
            backward()
        finally:
            with torch.no_grad():
                torch._foreach_copy_(climbing, before)
        return loss


CARD = Card(
    name="sam",
    switch="techniques.sam={rho: 0.05}",
    row="T3",
    what="Climbs a small step up the loss, takes the gradient there, and applies it to the weights before "
    "the climb.",
    when="Small data and time to spare; noisy labels; vision transformers.",
    when_not="A time budget binds: a step costs twice as much, so half as many fit.",
    combine="With everything; clipping acts on the second gradient. Dropout differs between the two passes. "
    "With `layers.batch_norm=updated` both passes move the statistics; they are frozen by default.",
    source="Foret et al. 2021; adaptive: Kwon et al. 2021",
    absent="techniques.sam={rho: 0}",
)
