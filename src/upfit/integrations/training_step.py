"""Calling a LightningModule's `training_step` without its logging."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

MUTED = ("log", "log_dict", "manual_backward", "toggle_optimizer", "untoggle_optimizer")


def call_training_step(module: Any, batch: Any) -> tuple[Any, Any]:
    """The loss of a batch, with the last output of the module's layers that has a row an example.

    Args:
        module: A LightningModule.
        batch: As its loader gives it.

    Returns:
        `{"loss": …, "logits": …}` and the batch's target.
    """
    outputs: list[torch.Tensor] = []
    with _muted(module), _heard(module, outputs):
        loss = module.training_step(batch, 0)
    loss = loss["loss"] if isinstance(loss, Mapping) else loss
    target = batch[-1] if isinstance(batch, list | tuple) else None
    found = {"loss": loss}
    if outputs:
        found["logits"] = outputs[-1]
    return found, target


@contextmanager
def _muted(module: Any) -> Iterator[None]:
    """`self.log` and its kin do nothing for the length of a block."""
    for name in MUTED:
        object.__setattr__(module, name, lambda *given, **named: None)
    try:
        yield
    finally:
        for name in MUTED:
            object.__delattr__(module, name)


@contextmanager
def _heard(module: nn.Module, outputs: list[torch.Tensor]) -> Iterator[None]:
    """What the module and its direct children answer, in order."""

    def note(_module: nn.Module, _given: Any, output: Any) -> None:
        if isinstance(output, torch.Tensor) and output.ndim >= 2:
            outputs.append(output)

    handles = [one.register_forward_hook(note) for one in (module, *module.children())]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
