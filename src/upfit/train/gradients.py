"""Gradients of several processes become one, after each has made its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import distributed

from upfit.train.world import World

BUCKET_BYTES = 25 * 2**20
"""Gradients that travel together: one message each would take longer than the numbers in it."""


def average_gradients(parameters: Iterable[torch.nn.Parameter], world: World) -> None:
    """Replace the gradients by their mean over processes, in place; parameters without one are left out.

    Args:
        parameters: The same in all processes, in the same order.
        world: With more than one process.
    """
    grads = [p.grad for p in parameters if p.grad is not None]
    for bucket in buckets(grads, BUCKET_BYTES):
        flat = torch._utils._flatten_dense_tensors(bucket)
        distributed.all_reduce(flat.div_(world.size))
        whole = torch._utils._unflatten_dense_tensors(flat, bucket)
        torch._foreach_copy_(bucket, list(whole))


def buckets(tensors: Iterable[torch.Tensor], size: int) -> Iterator[list[torch.Tensor]]:
    """Tensors of one type in groups of about `size` bytes, in order.

    Example:
        >>> [len(group) for group in buckets([torch.zeros(3), torch.zeros(3), torch.zeros(3)], 24)]
        [2, 1]
    """
    group: list[torch.Tensor] = []
    room = size
    for tensor in tensors:
        if group and (tensor.nbytes > room or tensor.dtype != group[0].dtype):
            yield group
            group, room = [], size
        group.append(tensor)
        room -= tensor.nbytes
    if group:
        yield group
