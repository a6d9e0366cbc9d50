"""Judged: validation rows with what the model said about them, the ground of every group of errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from upfit.audit.finding import some
from upfit.audit.subject import Subject
from upfit.measure import example_losses
from upfit.values import Predictions, Recipe
from upfit.values.shortened import shortened

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Judged:
    """What a model said about validation.

    Args:
        subject: The data, to show rows.
        predictions: Of validation rows alone.
        features_MD: Their features from a frozen backbone; None without any.
        measured: Name → (M,) plain measurements of these rows.
        train_counts: (K,) training rows of each class; empty for regression.
        recipe: What the model was trained by: proposals start from there.
        epochs: How long it was trained.
        most_tokens: How many the backbone could read; 0 where that does not matter.
    """

    subject: Subject
    predictions: Predictions
    features_MD: npt.NDArray[np.float32] | None = None
    measured: Mapping[str, Floats] = field(default_factory=dict)
    train_counts: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    recipe: Recipe = field(default_factory=Recipe)
    epochs: float = 0.0
    most_tokens: int = 0

    @cached_property
    def losses(self) -> Floats:
        """(M,) the loss of each row."""
        task = self.subject.data.schema.task
        return np.asarray(example_losses(task, self.predictions.scores, self.predictions.targets), float)

    @cached_property
    def wrong(self) -> npt.NDArray[np.bool_]:
        """(M,) whether the answer is wrong; for regression, whether it is among the worst fifth."""
        scores, targets = self.predictions.scores, self.predictions.targets
        task = self.subject.data.schema.task
        if task == "regression":
            return np.asarray(self.losses > np.quantile(self.losses, 0.8))
        if task == "multilabel":
            return np.asarray(((scores >= 0.5) != (targets > 0.5)).any(axis=1))
        return np.asarray(scores.argmax(axis=1) != targets)

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        """(M,) rows of the data."""
        return np.asarray(self.predictions.rows, np.int64)

    def named(self, place: int) -> str:
        """One row in words: what it is, what was said."""
        shown = self.subject.show(int(self.rows[place]))
        scores, target = self.predictions.scores[place], self.predictions.targets[place]
        classes = self.subject.data.schema.classes
        if self.subject.data.schema.task == "regression":
            return f"{shown}: {float(target):.4g}, said {float(scores[0]):.4g}"
        if not self.subject.single_class:
            return f"{shown}: {_labels(classes, target)}, said {_labels(classes, scores)}"
        best = int(scores.argmax())
        true, said = shortened(classes[int(target)]), shortened(classes[best])
        return f"{shown}: {true}, said {said} ({scores[best]:.2f})"


def _labels(classes: Sequence[str], chances: npt.NDArray[Any]) -> str:
    """The labels of a row that has several."""
    return some([classes[place] for place in np.flatnonzero(chances >= 0.5).tolist()]) or "none"
