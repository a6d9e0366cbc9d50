"""The state before the first step, kept in memory until there is a checkpoint."""

from __future__ import annotations

from typing import Any

import torch

from upfit.train.state import State


class Start:
    """Where a run can go back to that has no checkpoint yet."""

    def __init__(self) -> None:
        self._saved: dict[str, Any] | None = None

    def keep(self, state: State) -> None:
        """Take a copy, if no step was taken yet."""
        if state.step == 0:
            self._saved = _copied(state.to_dict())

    def give_up(self) -> None:
        """Free the memory: there is a checkpoint, or none left for anything else."""
        self._saved = None

    def copy(self) -> dict[str, Any] | None:
        """What `State.restore` takes; None where nothing is kept."""
        copied: dict[str, Any] | None = _copied(self._saved)
        return copied


def _copied(value: Any) -> Any:
    """Nested values, with copies of the tensors in the main memory."""
    if isinstance(value, torch.Tensor):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return type(value)(map(_copied, value)) if type(value) in (list, tuple) else value
