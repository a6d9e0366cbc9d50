"""How many examples go through at once: as many as memory holds, and no fewer than is fast."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import torch
from torch import nn

from upfit.train.backward import example_losses
from upfit.train.job import Source
from upfit.train.micro import can_be_cut, pieces, row_count
from upfit.train.objective import LossFunction
from upfit.train.out_of_memory import Moment, empty_cache, halved, is_out_of_memory
from upfit.train.world import Batch, World

WORKING = 2.0
"""Memory of a step over that of what a forward pass keeps: gradients of activations, and scratch."""
USABLE = 0.8
"""Part of the free memory that a step may plan with."""
FASTER = 1.05
"""Half a batch at a time has to be this many times faster to be worth cutting for."""
BESIDE = 3
"""Numbers per trained weight that come later: two of Adam's, and an average."""


def fitting_size(network: nn.Module, source: Source, loss: LossFunction, world: World) -> int:
    """Examples per forward pass and process: the whole batch, unless that does not fit or is slower.

    On a GPU steps with the longest examples are tried and timed. On a CPU, where a program that takes too
    much is ended without a word and cutting was never found to be faster, two examples are measured.

    Args:
        network: Left as it was, but on the world's device.
        source: Training batches.
        loss: (logits, targets) → (B,).
        world: One process of it decides for itself.
    """
    batch = world.move(longest(source))
    if not can_be_cut(batch):
        return row_count(batch)
    with _undisturbed(network, world):
        if world.device.type == "cpu":
            return planned_size(network, batch, room())
        return tried_size(network, batch, loss, world)


def whole_seconds(
    network: nn.Module, source: Source, loss: LossFunction, world: World, *, timed: bool = True
) -> float | None:
    """Seconds of a forward and backward pass of the longest batch in one piece; None if it does not fit.

    Args:
        network: Left as it was, but on the world's device.
        source: Training batches.
        loss: (logits, targets) → (B,).
        world: One process of it decides for itself.
        timed: Whether the time matters; on a CPU no pass is made where it does not, and 0 is the answer.
    """
    batch = world.move(longest(source))
    with _undisturbed(network, world):
        if world.device.type == "cpu":
            if planned_size(network, batch, room()) < row_count(batch):
                return None
            if not timed:
                return 0.0
        with _later_needs(network, world) as there:
            return _seconds(network, batch, loss, world, row_count(batch)) if there else None


@contextmanager
def _undisturbed(network: nn.Module, world: World) -> Iterator[None]:
    """Steps that are only tried: weights' gradients, statistics and random numbers are as before."""
    network.to(world.device)
    training = network.training
    network.train()
    before = Moment.of(network, world.device)
    try:
        yield
    finally:
        network.train(training)
        before.put_back(world.device)
        network.zero_grad(set_to_none=True)
        empty_cache()


@contextmanager
def _later_needs(network: nn.Module, world: World) -> Iterator[bool]:
    """Holds the memory that the optimizer and an average take later; says whether there was so much."""
    weights = sum(p.nbytes for p in network.parameters() if p.requires_grad)
    beside = None
    try:
        beside = torch.empty(BESIDE * weights, dtype=torch.uint8, device=world.device)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
    yield beside is not None
    del beside


def longest(source: Source) -> Batch:
    """The batch that needs most memory: of the longest texts, where the source can tell."""
    batches = source.once() if hasattr(source, "once") else source.epoch(0)
    return next(iter(batches))


def planned_size(network: nn.Module, batch: Batch, free: float) -> int:
    """The largest size whose step is expected to fit into `free` bytes; at least 1."""
    rows = row_count(batch)
    sample = pieces(batch, 2)[0]
    each = kept_bytes(network, sample) / row_count(sample)
    size = rows
    while size > 1 and WORKING * each * size > USABLE * free:
        size = halved(size)
    return size


def kept_bytes(network: nn.Module, batch: Batch) -> int:
    """Bytes that a forward pass keeps for the backward pass, weights not counted.

    Example:
        >>> class Squares(nn.Module):
        ...     def forward(self, batch):
        ...         return batch["x"].square()
        >>> kept_bytes(Squares(), {"x": torch.zeros(5, 10, requires_grad=True)})
        200
    """
    weights = {parameter.untyped_storage().data_ptr() for parameter in network.parameters()}
    kept: dict[int, int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            # A view that repeats itself takes no more than what it repeats.
            kept[tensor.data_ptr()] = min(tensor.nbytes, storage.nbytes())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        # Kept until it is counted: memory that is let go could come back under the same address.
        out = network(batch)
    del out
    return sum(kept.values())


def room() -> float:
    """Bytes that this process may still take: of the machine, its control group, its own limit."""
    free = [float(psutil.virtual_memory().available)]
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit != resource.RLIM_INFINITY:
        free.append(limit - psutil.Process().memory_info().vms)
    for most, used in (
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ):
        text = Path(most).read_text().strip() if Path(most).is_file() and Path(used).is_file() else "max"
        if text != "max":
            free.append(float(text) - float(Path(used).read_text()))
    return max(0.0, min(free))


def tried_size(network: nn.Module, batch: Batch, loss: LossFunction, world: World) -> int:
    """The largest size that goes through, or half of it where that is clearly faster."""
    with _later_needs(network, world):
        size = row_count(batch)
        while (whole := _seconds(network, batch, loss, world, size)) is None:
            size = halved(size)
            empty_cache()
        half = None if size == 1 else _seconds(network, batch, loss, world, halved(size))
    return halved(size) if half is not None and whole > FASTER * half else size


def _seconds(network: nn.Module, batch: Batch, loss: LossFunction, world: World, size: int) -> float | None:
    """The faster of two passes over a batch in pieces; None if memory ran out."""
    tries = []
    try:
        for _ in range(2):
            started = time.monotonic()
            for piece in pieces(batch, size):
                with world.autocast():
                    logits_BK = network(piece)[: int(piece["share"])].float()
                example_losses(loss, logits_BK, piece).sum().backward()
            if world.device.type == "cuda":
                torch.cuda.synchronize()
            network.zero_grad(set_to_none=True)
            tries.append(time.monotonic() - started)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
    network.zero_grad(set_to_none=True)
    return min(tries) if len(tries) == 2 else None
