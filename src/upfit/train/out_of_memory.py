"""Out of memory: told from other errors, survived in smaller pieces, explained where that does not help."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn

from upfit.errors import MemoryExhausted
from upfit.train.heap import give_back
from upfit.train.micro import pieces, row_count
from upfit.train.world import Batch

TEXTS = (
    "out of memory",
    "DefaultCPUAllocator: can't allocate memory",
    "DefaultCPUAllocator: not enough memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "std::bad_alloc",
    "could not create a memory object",
)
"""What libraries below torch say when they get no memory; those from the third on come as RuntimeError."""
WHOLE_TEXTS = ("could not create a primitive",)
"""The same, where a longer text that begins alike means something else."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that there is no memory left, on whatever device.

    Example:
        >>> is_out_of_memory(MemoryError()), is_out_of_memory(RuntimeError("shapes (2, 3) and (4, 5)"))
        (True, False)
    """
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    said = str(error).strip()
    return isinstance(error, RuntimeError) and (said in WHOLE_TEXTS or any(text in said for text in TEXTS))


def empty_cache() -> None:
    """Give back what is kept for later: garbage, free heap, and the CUDA allocator's unused blocks."""
    gc.collect()
    give_back()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def halved(size: int, *, fewest: int = 1) -> int:
    """The next smaller micro-batch: about half, and even, since some techniques pair neighbours.

    Args:
        size: Examples that did not fit.
        fewest: Examples that have to stay together.

    Raises:
        MemoryExhausted: It was so few examples already.

    Example:
        >>> halved(32), halved(30), halved(3), halved(2)
        (16, 16, 2, 1)
    """
    if size <= fewest:
        few = "a single example" if fewest == 1 else f"the {fewest} examples that a technique mixes"
        raise MemoryExhausted(
            f"there is not enough memory for a step with {few}",
            hint="a smaller backbone, smaller inputs (--set inputs.image_size=…, inputs.max_length=…), "
            "fewer layers (--set layers.train=2), or a machine with more memory",
        )
    half = -(-size // 2)
    return half + half % 2 if size > 2 else half


@dataclass(frozen=True, eq=False)
class Moment:
    """What a forward pass changes beside gradients: random streams, and BatchNorm's running statistics.

    Args:
        random: State of the CPU's random stream.
        device_random: That of the GPU in use.
        statistics: Buffers of BatchNorm layers in training mode, each with a copy.
    """

    random: torch.Tensor
    device_random: torch.Tensor | None
    statistics: tuple[tuple[torch.Tensor, torch.Tensor], ...]

    @classmethod
    def of(cls, network: nn.Module, device: torch.device) -> Moment:
        """The present moment."""
        cuda = torch.cuda.get_rng_state(device) if device.type == "cuda" else None
        moving = [
            buffer
            for module in network.modules()
            if module.training and isinstance(module, nn.modules.batchnorm._NormBase)
            for buffer in module.buffers(recurse=False)
        ]
        return cls(torch.get_rng_state(), cuda, tuple((one, one.clone()) for one in moving))

    @torch.no_grad()
    def put_back(self, device: torch.device) -> None:
        """Make it as it was."""
        torch.set_rng_state(self.random)
        if self.device_random is not None:
            torch.cuda.set_rng_state(self.device_random, device)
        for buffer, copy in self.statistics:
            buffer.copy_(copy)


def forward_in_pieces(
    forward: Callable[[Batch], torch.Tensor], batch: Batch, size: int | None
) -> tuple[torch.Tensor, int | None]:
    """Outputs for a batch without gradients, in halves of halves for as long as memory does not suffice.

    Args:
        forward: Batch → (B, …).
        batch: On its device.
        size: Examples per pass that are known to fit; None for the whole batch.

    Returns:
        The outputs (B, …), and the size that fitted, to begin with next time.
    """
    while True:
        try:
            found = [forward(piece) for piece in pieces(batch, size)]
            return (found[0] if len(found) == 1 else torch.cat(found)), size
        except Exception as error:
            if not is_out_of_memory(error):
                raise
        # Outside the handler: the error holds on to the tensors of the pass that failed.
        size = halved(min(size or row_count(batch), row_count(batch)))
        empty_cache()


@contextmanager
def memory_explained() -> Iterator[None]:
    """Turn running out of memory where smaller pieces do not help into an error that says what to do."""
    try:
        yield
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        raise MemoryExhausted(
            f"there is not enough memory: {str(error).splitlines()[0] if str(error) else 'MemoryError'}",
            hint="a smaller backbone, fewer layers (--set layers.train=2), fewer loader processes "
            "(--set batching.workers=0), or a machine with more memory",
        ) from error
