"""Objective: from logits to a loss per example and to scores that people read, for each task."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from upfit.techniques import losses
from upfit.techniques.losses import Facts, LossFunction
from upfit.values import Task
from upfit.values.loss import Loss

__all__ = ["LossFunction", "Objective"]


@dataclass(frozen=True)
class Objective:
    """What a network's outputs mean.

    Args:
        task: The task.
        center: Regression: mean of the training targets. Outputs are in standard units around it.
        spread: Regression: their standard deviation.
        facts: What a loss may know of the training rows.
        own: A loss given from Python.
    """

    task: Task
    center: float = 0.0
    spread: float = 1.0
    facts: Facts | None = field(default=None, repr=False)
    own: Callable[..., Any] | None = None

    @classmethod
    def of(
        cls,
        task: Task,
        train_targets: npt.NDArray[Any],
        classes: tuple[str, ...] = (),
        *,
        own: Callable[..., Any] | None = None,
    ) -> Objective:
        """The objective whose units and counts are learned from the training targets."""
        facts = Facts.of(task, train_targets, classes)
        if task != "regression":
            return cls(task, facts=facts, own=own)
        spread = float(np.std(train_targets)) or 1.0
        return cls(task, float(np.mean(train_targets)), spread, facts=facts, own=own)

    def loss(self, chosen: Loss) -> LossFunction:
        """The training loss (logits (B, K), encoded targets) → (B,).

        Raises:
            RecipeError: The loss does not fit the task or the classes.
        """
        return losses.build(chosen, self.known, self.own)

    def judging_loss(self, chosen: Loss) -> LossFunction:
        """The loss that validation is judged by: the task's plain one, so that runs can be compared.

        Regression is judged by the loss it is trained with, since a median is not a failed mean.
        """
        return losses.judging(chosen, self.known, self.own)

    def check(self, chosen: Loss) -> None:
        """Raise `RecipeError` unless the loss can be trained with; a callable is called once to see."""
        self.loss(chosen)
        if chosen.name == losses.OWN and self.own is not None:
            losses.rehearse(self.own, self.known)

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
        """Plain values for the run folder: what reading outputs takes."""
        return {"task": self.task, "center": self.center, "spread": self.spread}

    @property
    def known(self) -> Facts:
        """The facts, as far as there are any."""
        return self.facts or Facts(self.task)
