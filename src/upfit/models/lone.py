"""A single example in training: BatchNorm finds no variance in it, and uses the running one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from upfit.measure.inside.hooked import hooked


@contextmanager
def lone_example(network: nn.Module, batch: Mapping[str, Any]) -> Iterator[None]:
    """Inside, BatchNorm layers that see one value per channel normalise by their running statistics.

    torch refuses such values, and a run would end at its last, short batch, or in pieces of one example.
    Maps of several pixels have statistics of their own, and are left to them.

    Args:
        network: As it was, afterwards.
        batch: Batches of more than one target pass untouched.

    Example:
        >>> import torch
        >>> norm = nn.BatchNorm1d(2)
        >>> with lone_example(norm, {"target": torch.zeros(1)}):
        ...     norm(torch.ones(1, 2)).shape, norm.running_mean.tolist(), norm.training
        (torch.Size([1, 2]), [0.0, 0.0], False)
        >>> norm.training
        True
    """
    if not network.training or "target" not in batch or len(batch["target"]) != 1:
        yield
        return
    held: list[nn.Module] = []

    def hold(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        if module.training and inputs[0].numel() == inputs[0].shape[1]:
            held.append(module.eval())

    norms = [module for module in network.modules() if isinstance(module, _BatchNorm)]
    try:
        with hooked(norms, before=hold):
            yield
    finally:
        for module in held:
            module.train()
