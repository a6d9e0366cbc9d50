"""The user's own module and batches, spoken to in the loop's terms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from upfit.errors import DataError, InputError
from upfit.models.groups import LayerGroup, find_groups
from upfit.models.lone import lone_example

TARGETS = ("target", "targets", "label", "labels", "y")


class OwnNetwork(nn.Module):
    """Any module as a network: takes a loop batch, returns logits (B, K).

    The module is called with a tensor as it is, with a tuple as `module(*inputs)`, with a mapping as
    `module(**inputs)`. Logits are its output, or the output's `logits`, or its first element. One output
    for a binary task becomes the two logits (0, z).
    """

    def __init__(self, module: nn.Module, *, binary: bool = False) -> None:
        super().__init__()
        self.module = module
        self.binary = binary

    @property
    def groups(self) -> tuple[LayerGroup, ...]:
        """Layer groups by inspection, with names as this wrapper spells them."""
        found = find_groups(self.module)
        return tuple(LayerGroup(g.name, tuple(f"module.{n}" for n in g.parameters)) for g in found)

    def forward(self, batch: Mapping[str, Any]) -> torch.Tensor:
        """Logits (B, K)."""
        with lone_example(self.module, batch):
            logits = _logits(call_module(self.module, batch["inputs"]))
        if logits.ndim == 1:
            logits = logits.unsqueeze(1)
        if self.binary and logits.shape[1] == 1:
            logits = torch.cat([torch.zeros_like(logits), logits], dim=1)
        return logits


def parted(batch: Any) -> tuple[Any, torch.Tensor]:
    """Inputs and target of a user's batch: `(x, y)`, `(x1, x2, …, y)`, or a mapping with a target.

    Raises:
        DataError: No target can be told apart.
    """
    if isinstance(batch, Mapping):
        name = next((known for known in TARGETS if known in batch), None)
        if name is None:
            raise DataError("a batch has no target", expected=" or ".join(TARGETS), got=", ".join(batch))
        return {key: value for key, value in batch.items() if key != name}, torch.as_tensor(batch[name])
    if isinstance(batch, tuple | list) and len(batch) >= 2:
        *inputs, target = batch
        return (inputs[0] if len(inputs) == 1 else tuple(inputs)), torch.as_tensor(target)
    raise DataError(
        "a batch has no target", expected="(inputs, target), or a mapping", got=type(batch).__name__
    )


def call_module(module: nn.Module, inputs: Any) -> Any:
    """A module's output for inputs as `parted` gives them."""
    if isinstance(inputs, Mapping):
        return module(**inputs)
    return module(*inputs) if isinstance(inputs, tuple) else module(inputs)


def _logits(output: Any) -> torch.Tensor:
    if isinstance(output, Mapping):
        output = output.get("logits", next(iter(output.values())))
    elif hasattr(output, "logits"):
        output = output.logits
    elif isinstance(output, tuple | list):
        output = output[0]
    if not isinstance(output, torch.Tensor):
        raise InputError(
            "the module gives no logits",
            expected="a tensor, or an output with .logits, or a tuple that begins with them",
            got=type(output).__name__,
        )
    return output
