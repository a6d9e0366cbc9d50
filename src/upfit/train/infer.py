"""Run a network over every example once, without gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from upfit.errors import TrainingError
from upfit.train.out_of_memory import forward_in_pieces
from upfit.train.world import Batch, World

Advance = Callable[[int, int], None]


class Once(Protocol):
    """Every example once, in batches; a `Loader` is one."""

    @property
    def count(self) -> int:
        """Number of examples."""

    def once(self) -> Iterator[Batch]:
        """The batches; each says at which `position` its examples belong."""


@torch.inference_mode()
def outputs(
    network: nn.Module,
    loader: Once,
    world: World,
    *,
    forward: Callable[[Batch], torch.Tensor] | None = None,
    advance: Advance | None = None,
) -> npt.NDArray[np.float32]:
    """What `forward` (by default the network) says about every example, (N, …) float32 in order.

    The network is left in the mode it was found in. Batches that do not fit into memory are cut.
    """
    was_training = network.training
    network.eval()
    forward = forward or network
    positions, values, done, size = [], [], 0, None
    for batch in loader.once():
        share = int(batch["share"])
        with world.autocast():
            out, size = forward_in_pieces(forward, world.move(batch), size)
        positions.append(batch["position"][:share].numpy())
        values.append(out[:share].float().cpu().numpy())
        done += int(batch["count"])
        if advance is not None:
            advance(done, loader.count)
    network.train(was_training)
    return world.collect(np.concatenate(positions), np.concatenate(values), loader.count)


def require_numbers(logits: torch.Tensor) -> None:
    """Refuse to judge a network that has diverged: its run is over, and what was reached before it stays.

    Raises:
        TrainingError: Some outputs are NaN or infinite.

    >>> require_numbers(torch.zeros(3, 2))
    """
    bad = int((~torch.isfinite(logits)).any(-1).sum())
    if bad:
        raise TrainingError(
            f"training diverged: the network answers {bad:,} of {len(logits):,} validation examples with NaN "
            "or infinity",
            hint="a lower optimizer.lr or optimizer.weight_decay; watch=repair looks for one",
        )
