"""The places of the loop that a technique may fill; a technique fills as many as it needs.

A technique is a frozen value: what it has to remember lives in tensors that the loop keeps for it,
made by `init` and saved whole with everything else. Each Protocol here has a user in this package.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import torch
from torch import nn

from upfit.values import Value

Batch = dict[str, torch.Tensor]
Kept = dict[str, torch.Tensor]
"""What a technique remembers from step to step, by name."""
Again = Callable[[], tuple[torch.Tensor, torch.Tensor]]
"""One more forward pass of the batch, with other dropout: its logits (B, K) and losses (B,)."""


@runtime_checkable
class OnModel(Protocol):
    """Prepares the network once, before there is an optimizer: dropout, stochastic depth."""

    def on_model(self, network: nn.Module) -> Callable[[], None] | None:
        """Change the network in place; what undoes that after training, where something has to be undone."""


@runtime_checkable
class OnBatch(Protocol):
    """Varies a batch on its device: mixup, cutmix."""

    def on_batch(self, batch: Batch, rng: torch.Generator, progress: float) -> Batch:
        """A new batch. Mixed labels are stated as `other_target` and `other_share` (B,) beside `target`."""


@runtime_checkable
class OnLoss(Protocol):
    """Adds to the loss of each example, and may look at the batch again: R-Drop."""

    def on_loss(
        self, again: Again, batch: Batch, logits_BK: torch.Tensor, losses_B: torch.Tensor
    ) -> torch.Tensor:
        """The losses (B,) to train on."""


@runtime_checkable
class Keeps(Protocol):
    """Remembers something: the starting weights, an average."""

    def init(self, network: nn.Module) -> Kept:
        """What is remembered before the first step."""


@runtime_checkable
class OnPenalty(Protocol):
    """Adds a term on the weights to the mean loss: L1, L2-SP."""

    def penalty(self, network: nn.Module, kept: Kept) -> torch.Tensor | None:
        """A scalar; None for nothing."""


@runtime_checkable
class OnGrads(Protocol):
    """Changes gradients in place, after the whole batch went backward: clipping, noise."""

    def on_grads(
        self, parameters: Sequence[nn.Parameter], rng: torch.Generator, progress: float
    ) -> torch.Tensor | None:
        """The gradients' norm as it found them, where it measured that."""


@runtime_checkable
class OnWeights(Keeps, Protocol):
    """Follows the weights from step to step: EMA, SWA."""

    def update(self, network: nn.Module, kept: Kept, *, step: int, total: int) -> None:
        """Take in the weights after step `step` (from 1) of `total`."""

    def read(self, kept: Kept) -> Kept:
        """The weights to evaluate and keep, as a state dict; empty for the network's own."""


@runtime_checkable
class AroundStep(Protocol):
    """Decides how gradients are made: SAM goes backward twice."""

    def around_step(
        self, backward: Callable[[], torch.Tensor], parameters: Sequence[nn.Parameter]
    ) -> torch.Tensor:
        """Leave gradients in the parameters and return the mean loss, as one call of `backward` does.

        `backward` takes the whole batch, in whatever pieces fit into memory. It has to be called without
        gradients in the parameters: where memory runs out, it clears them and begins again.
        """


@runtime_checkable
class Settles(Protocol):
    """Has settings that depend on how long the run is."""

    def settle(self, total_steps: int) -> Value:
        """The same technique with every `auto` filled in."""
