"""Facts: what a loss may know of the training rows, and what a loss is to the loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt
import torch

from upfit.values import Task

LossFunction = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""(logits (B, K), encoded targets) → one loss per example (B,)."""
PLAIN: dict[Task, str] = {
    "binary": "cross_entropy",
    "multiclass": "cross_entropy",
    "multilabel": "binary_cross_entropy",
    "regression": "squared_error",
}
"""The loss that a task has where the recipe names none."""


@dataclass(frozen=True)
class Facts:
    """What a loss may know of the training rows.

    Args:
        task: What is predicted.
        classes: Names of the classes or labels, in the order of the outputs; empty for regression.
        counts: Training rows of each class; for multilabel, rows in which the label is 1.
        rows: Training rows.
    """

    task: Task
    classes: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()
    rows: int = 0

    @classmethod
    def of(cls, task: Task, targets: npt.NDArray[Any], classes: tuple[str, ...] = ()) -> Facts:
        """The facts about raw training targets; classes without names are called by their number.

        Example:
            >>> Facts.of("multiclass", np.array([0, 2, 2])).counts
            (1, 0, 2)
        """
        if task == "regression":
            return cls(task, rows=len(targets))
        if task == "multilabel":
            counts = targets.sum(axis=0).astype(int)
        else:
            counts = np.bincount(targets.astype(np.int64), minlength=len(classes))
        names = classes or tuple(str(number) for number in range(len(counts)))
        return cls(task, names, tuple(int(count) for count in counts), len(targets))


class LossPart(Protocol):
    """A loss with its settings, as the literal table of this room lists it."""

    tasks: ClassVar[tuple[Task, ...]]

    def build(self, facts: Facts) -> LossFunction:
        """The function that the loop calls."""


class PerClass:
    """One number per class, kept ready on every device that asks for it.

    Args:
        numbers: (K,) one per class that the training rows have.
        absent: Value of outputs beyond those; None refuses them.
    """

    def __init__(self, numbers: npt.ArrayLike, *, absent: float) -> None:
        self.numbers_K = torch.as_tensor(np.asarray(numbers, np.float32))
        self.absent = absent
        self._kept: dict[tuple[torch.device, int], torch.Tensor] = {}

    def like(self, logits_BK: torch.Tensor) -> torch.Tensor:
        """(K,) numbers on the logits' device, one for each of their columns."""
        key = (logits_BK.device, logits_BK.shape[1])
        if key not in self._kept:
            missing = key[1] - len(self.numbers_K)
            more = torch.full((max(0, missing),), self.absent)
            self._kept[key] = torch.cat([self.numbers_K, more]).to(logits_BK.device)
        return self._kept[key]
