"""Objective: from logits to a loss per example and to scores that people read, for each task."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from upfit.errors import RecipeError
from upfit.techniques.losses import binary_cross_entropy, cross_entropy, squared_error
from upfit.values import Task
from upfit.values.recipe import Loss

LossFunction = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
FITTING = {
    "binary": "cross_entropy",
    "multiclass": "cross_entropy",
    "multilabel": "binary_cross_entropy",
    "regression": "squared_error",
}


@dataclass(frozen=True)
class Objective:
    """What a network's outputs mean.

    Args:
        task: The task.
        center: Regression: mean of the training targets. Outputs are in standard units around it.
        spread: Regression: their standard deviation.
    """

    task: Task
    center: float = 0.0
    spread: float = 1.0

    @classmethod
    def of(cls, task: Task, train_targets: npt.NDArray[Any]) -> Objective:
        """The objective whose units are learned from the training targets."""
        if task != "regression":
            return cls(task)
        spread = float(np.std(train_targets)) or 1.0
        return cls(task, float(np.mean(train_targets)), spread)

    def loss(self, chosen: Loss) -> LossFunction:
        """The training loss (logits (B, K), encoded targets) → (B,).

        Raises:
            RecipeError: The loss does not fit the task.
        """
        fitting = FITTING[self.task]
        if chosen.name not in ("auto", fitting):
            raise RecipeError(f"loss {chosen.name} does not fit {self.task}", expected=fitting)
        if self.task == "regression":
            return squared_error
        function = binary_cross_entropy if self.task == "multilabel" else cross_entropy
        smoothing = 0.0 if chosen.label_smoothing == "auto" else chosen.label_smoothing
        return partial(function, label_smoothing=smoothing)

    def encode(self, targets: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Targets in the units of the outputs."""
        if self.task != "regression":
            return targets
        return ((targets - self.center) / self.spread).astype(np.float32)

    def scores(self, logits_NK: torch.Tensor) -> npt.NDArray[np.float32]:
        """Class probabilities (N, K), or values (N, 1) in the user's units."""
        if self.task == "regression":
            scores = logits_NK * self.spread + self.center
        elif self.task == "multilabel":
            scores = logits_NK.sigmoid()
        else:
            scores = logits_NK.softmax(dim=1)
        return np.asarray(scores.numpy(), dtype=np.float32)

    def to_json(self) -> dict[str, Any]:
        """Plain values for the run folder."""
        return asdict(self)
