"""Parts: a recipe's techniques at the places of the loop that they fill, in the recipe's order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import nn

from upfit.techniques.seams import (
    Again,
    AroundStep,
    Batch,
    Keeps,
    Kept,
    OnBatch,
    OnGrads,
    OnLoss,
    OnModel,
    OnPenalty,
    OnWeights,
)

Remembered = dict[str, Kept]
"""What each technique remembers, by the technique's name."""
UNMEASURED = torch.tensor(float("nan"))
"""The gradient norm of a step where nothing measured it; told from a norm that is no number by identity."""


class Parts:
    """The techniques of a run, each called where it belongs. Holds no state.

    Args:
        named: Techniques by name, in order.
    """

    def __init__(self, named: Mapping[str, Any]) -> None:
        # Sorted into their places once: asking a Protocol costs microseconds, and the loop asks at each step.
        parts = named.values()
        self._model = [part for part in parts if isinstance(part, OnModel)]
        self._batch = [part for part in parts if isinstance(part, OnBatch)]
        self._loss = [part for part in parts if isinstance(part, OnLoss)]
        self._grads = [part for part in parts if isinstance(part, OnGrads)]
        self._step = [part for part in parts if isinstance(part, AroundStep)]
        self._keeps = {name: part for name, part in named.items() if isinstance(part, Keeps)}
        self._penalty = {name: part for name, part in named.items() if isinstance(part, OnPenalty)}
        self._weights = {name: part for name, part in named.items() if isinstance(part, OnWeights)}

    @contextmanager
    def on_model(self, network: nn.Module) -> Iterator[None]:
        """The network prepared for training inside the block, and as it was after it."""
        with ExitStack() as stack:
            for part in self._model:
                undo = part.on_model(network)
                if undo is not None:
                    stack.callback(undo)
            yield

    def init(self, network: nn.Module) -> Remembered:
        """What is remembered before the first step."""
        return {name: part.init(network) for name, part in self._keeps.items()}

    def on_batch(self, batch: Batch, rng: torch.Generator, progress: float) -> Batch:
        """The batch to train on."""
        for part in self._batch:
            batch = part.on_batch(batch, rng, progress)
        return batch

    def on_loss(
        self, again: Again, batch: Batch, logits_BK: torch.Tensor, losses_B: torch.Tensor
    ) -> torch.Tensor:
        """The losses (B,) to train on."""
        for part in self._loss:
            losses_B = part.on_loss(again, batch, logits_BK, losses_B)
        return losses_B

    def penalty(self, network: nn.Module, remembered: Remembered) -> torch.Tensor | None:
        """The sum of all terms on the weights; None where there is none."""
        found = [part.penalty(network, remembered.get(name, {})) for name, part in self._penalty.items()]
        terms = [term for term in found if term is not None]
        return torch.stack(terms).sum() if terms else None

    def around_step(
        self, backward: Callable[[], torch.Tensor], parameters: Sequence[nn.Parameter]
    ) -> torch.Tensor:
        """Make the gradients; the mean loss. `refuse` sees to it that at most one technique decides how."""
        for part in self._step:
            return part.around_step(backward, parameters)
        return backward()

    def on_grads(
        self, parameters: Sequence[nn.Parameter], rng: torch.Generator, progress: float
    ) -> torch.Tensor:
        """Change gradients in place; the first norm that was measured, `UNMEASURED` where none was."""
        norms = [part.on_grads(parameters, rng, progress) for part in self._grads]
        return next((norm for norm in norms if norm is not None), UNMEASURED)

    def on_weights(self, network: nn.Module, remembered: Remembered, *, step: int, total: int) -> None:
        """Take in the weights after a step."""
        for name, part in self._weights.items():
            part.update(network, remembered[name], step=step, total=total)

    def averaged(self, remembered: Remembered) -> Kept:
        """The weights to evaluate and keep: of the last technique that has some; empty: the network's own."""
        found = [part.read(remembered[name]) for name, part in self._weights.items()]
        return next((weights for weights in reversed(found) if weights), {})


def generator(seed: int, step: int) -> torch.Generator:
    """The random numbers of one step: the same for a run that was resumed before it."""
    return torch.Generator().manual_seed((seed << 32) + step)
