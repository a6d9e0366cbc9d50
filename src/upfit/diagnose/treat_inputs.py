"""Cures of what comes in: inputs and values on one scale, gaps filled."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from upfit.data.generators import generators_in
from upfit.diagnose.job import Job
from upfit.diagnose.preflight.calls import Calls
from upfit.diagnose.preflight.subject import fresh
from upfit.values import Change

PATHS = ("inputs.scale", "inputs.fill")
MOST = 20_000
"""Examples from which mean and spread are read."""


Scale = tuple[torch.Tensor, torch.Tensor]
"""Mean and spread."""


class Scaled(nn.Module):
    """A model behind a scale: given inputs without gaps, standardised, it answers in the targets' units.

    Args:
        model: What learns.
        gap: What stands in for inputs that are not finite.
        inputs: Mean and spread that inputs are standardised with; None leaves them as they are.
        targets: The same of the values that it predicts; None for labels.
    """

    gap: torch.Tensor
    mean: torch.Tensor
    spread: torch.Tensor
    middle: torch.Tensor
    width: torch.Tensor

    def __init__(
        self, model: nn.Module, gap: torch.Tensor, inputs: Scale | None = None, targets: Scale | None = None
    ) -> None:
        super().__init__()
        self.model, self.has_values = model, targets is not None
        same = torch.zeros(()), torch.ones(())
        for name, value in zip(("mean", "spread"), inputs or same, strict=True):
            self.register_buffer(name, value)
        for name, value in zip(("middle", "width"), targets or same, strict=True):
            self.register_buffer(name, value)
        self.register_buffer("gap", gap)

    def forward(self, x: torch.Tensor) -> Any:
        """The model's answer to standardised inputs, in the targets' units."""
        whole = torch.where(torch.isfinite(x), x, self.gap)
        answer = self.model((whole - self.mean) / self.spread)
        return answer * self.width + self.middle if self.has_values else answer


def scaled(
    model: nn.Module,
    loss_fn: Callable[..., Any],
    changes: Iterable[Change],
    known: tuple[Scale, Scale | None] | None,
) -> tuple[nn.Module, Callable[..., Any]]:
    """The model behind a scale where a change asks for one; the loss of values then is on their scale too.

    Args:
        model: Newly built.
        loss_fn: Its loss.
        changes: `inputs.scale` and `inputs.fill` count.
        known: From `statistics`.
    """
    to = {change.path: change.to for change in changes if change.path in PATHS}
    if known is None or not to:
        return model, loss_fn
    inputs, targets = known
    device = next(model.parameters()).device
    if to.get("inputs.scale") != "standardise":
        return Scaled(model, inputs[0]).to(device), loss_fn
    wrapped = Scaled(model, inputs[0], inputs, targets).to(device)
    if targets is None:
        return wrapped, loss_fn
    middle, width = (one.to(device) for one in targets)
    return wrapped, lambda answer, y: loss_fn((answer - middle) / width, (y - middle) / width)


def wants_scale(changes: Iterable[Change]) -> bool:
    """Whether a change is about the scale of inputs."""
    return any(change.path in PATHS for change in changes)


def statistics(job: Job) -> tuple[Scale, Scale | None] | None:
    """Mean and spread of the training inputs by feature or channel, and of the values to predict.

    None where inputs are not one tensor of numbers. Random states of the loader are as before.
    """
    if job.forward is not None:
        return None
    calls = Calls(nn.Identity(), _no_loss)
    rows, targets, count = list[torch.Tensor](), list[torch.Tensor](), 0
    with passed_unnoticed(job.train) as batches:
        for batch in batches:
            example = calls.split(batch)
            x, y = example.inputs, example.target
            if not isinstance(x, torch.Tensor) or not x.is_floating_point() or x.ndim < 2:
                return None
            rows.append(x)
            targets.append(torch.as_tensor(y).float())
            count += len(x)
            if count >= MOST:
                break
    values = _scale(torch.cat(targets).reshape(-1), ()) if job.task == "regression" else None
    x = torch.cat(rows).float()
    return _scale(x, (0,) if x.ndim == 2 else (0, *range(2, x.ndim))), values


@contextmanager
def passed_unnoticed(loader: Any) -> Iterator[Iterator[Any]]:
    """A pass over a loader after which all random states are as they were."""
    back, state = generators_in(loader), torch.get_rng_state()
    try:
        yield fresh(loader)
    finally:
        torch.set_rng_state(state)
        for restore in back:
            restore()


def _no_loss(*_: Any) -> float:
    return 0.0


def _scale(values: torch.Tensor, dims: tuple[int, ...]) -> Scale:
    """Mean and spread over some dimensions, gaps left out; a feature that never varies keeps its size."""
    known = torch.isfinite(values)
    kept = torch.where(known, values, torch.zeros_like(values)).double()
    dims = dims or tuple(range(values.ndim))
    keep = values.ndim > 1
    count = known.sum(dims, keepdim=keep).clamp_min(1)
    mean = kept.sum(dims, keepdim=keep) / count
    off = torch.where(known, kept - mean, torch.zeros_like(kept))
    spread = (off.square().sum(dims, keepdim=keep) / count).sqrt()
    spread = torch.where(spread > 1e-12, spread, torch.ones_like(spread))
    mean, spread = mean.float(), spread.float()
    return (mean[0], spread[0]) if keep else (mean, spread)
