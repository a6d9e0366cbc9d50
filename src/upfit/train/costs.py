"""What a training step costs on this machine: a few are made and thrown away."""

from __future__ import annotations

import time
from itertools import islice

import torch
from torch import nn

from upfit.models import Backbone
from upfit.train.job import Source
from upfit.train.micro import pieces, row_count
from upfit.train.objective import LossFunction
from upfit.train.out_of_memory import empty_cache, halved, is_out_of_memory
from upfit.train.world import Batch, World


def step_seconds(
    network: nn.Module,
    source: Source,
    loss: LossFunction,
    world: World,
    *,
    micro_size: int | None = None,
    tries: int = 4,
) -> float:
    """Least seconds of a forward and backward pass, the optimizer's part estimated at a tenth.

    The least, since other programs only ever make a step slower; the pace corrects what is too hopeful.

    Weights, buffers and the random state are as before afterwards.
    """
    before = {name: value.detach().clone() for name, value in network.state_dict().items()}
    random = torch.get_rng_state()
    network.to(world.device).train()
    seconds = []
    for batch in islice(source.epoch(0), tries):
        moved = world.move(batch)
        while (taken := _once(network, moved, loss, world, micro_size)) is None:
            micro_size = halved(min(micro_size or row_count(moved), row_count(moved)))
            empty_cache()
        seconds.append(taken)
    network.load_state_dict(before)
    torch.set_rng_state(random)
    return 1.1 * min(seconds)


def _once(
    network: nn.Module, batch: Batch, loss: LossFunction, world: World, micro_size: int | None
) -> float | None:
    """Seconds of a forward and backward pass in pieces; None if memory ran out."""
    started = time.monotonic()
    try:
        for piece in pieces(batch, micro_size):
            share = int(piece["share"])
            with world.autocast():
                logits = network(piece)
            loss(logits[:share].float(), piece["target"][:share]).sum().backward()
        _finish(world.device)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        return None
    finally:
        network.zero_grad(set_to_none=True)
    return time.monotonic() - started


def image_seconds(backbone: Backbone, *, size: int = 96, count: int = 16) -> float:
    """Seconds per image of a training step at a size, from two tries; the backbone stays as it was."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    batch = {"image": torch.zeros(count, 3, size, size, device=device)}
    return min(pass_seconds(backbone.to(device), batch) for _ in range(2)) / count


def pass_seconds(backbone: nn.Module, batch: Batch, *, precision: str = "fp32") -> float:
    """Seconds of a forward and a backward pass; the backbone stays as it was.

    Args:
        backbone: Features (B, D) from a batch.
        batch: On its device.
        precision: `bf16` runs the forward pass in mixed precision.
    """
    device = next(iter(batch.values())).device
    was_training = backbone.training
    # Training mode would move BatchNorm's statistics.
    backbone.eval()
    started = time.monotonic()
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16"):
        features = backbone(batch)
    features.float().mean().backward()
    _finish(device)
    seconds = time.monotonic() - started
    backbone.zero_grad(set_to_none=True)
    backbone.train(was_training)
    return seconds


def _finish(device: torch.device) -> None:
    """GPUs run ahead of Python; a clock has to wait for them."""
    if device.type == "cuda":
        torch.cuda.synchronize()
