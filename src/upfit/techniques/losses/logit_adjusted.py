"""Logit-adjusted cross-entropy: the class priors are added in training and left out afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field

from upfit.techniques.card import Card
from upfit.techniques.losses.cross_entropy import cross_entropy
from upfit.techniques.losses.facts import Facts, LossFunction, PerClass
from upfit.values import Task, Value


def log_priors(counts_K: Sequence[int], *, tau: float) -> npt.NDArray[np.float64]:
    """(K,) tau times the logarithm of each class's share of the rows; at least one row each.

    Example:
        >>> log_priors([90, 10], tau=1.0).round(2)
        array([-0.11, -2.3 ])
    """
    counts = np.maximum(np.asarray(counts_K, np.float64), 1)
    return np.asarray(tau * np.log(counts / counts.sum()))


def logit_adjusted(
    logits_BK: torch.Tensor,
    targets_B: torch.Tensor,
    *,
    log_priors_K: torch.Tensor,
    label_smoothing: float = 0.0,
) -> torch.Tensor:
    """Cross-entropy (B,) of logits + tau · log prior.

    The plain logits, which evaluation and prediction use, then lean towards balanced accuracy.

    Example:
        >>> rare = torch.tensor([1])
        >>> logit_adjusted(torch.zeros(1, 2), rare, log_priors_K=torch.tensor([0.9, 0.1]).log())
        tensor([2.3026])
    """
    return cross_entropy(logits_BK + log_priors_K, targets_B, label_smoothing=label_smoothing)


class LogitAdjusted(Value):
    """Logit-adjusted cross-entropy; `tau` 0 is cross-entropy, 1 is consistent with balanced error."""

    tasks: ClassVar[tuple[Task, ...]] = ("binary", "multiclass")
    tau: float = Field(default=1.0, ge=0, allow_inf_nan=False)
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0

    def build(self, facts: Facts) -> LossFunction:
        """The function that the loop calls."""
        priors = log_priors(facts.counts, tau=self.tau)
        numbers = PerClass(priors, absent=float(priors.min()))

        def adjusted(logits_BK: torch.Tensor, targets_B: torch.Tensor) -> torch.Tensor:
            return logit_adjusted(
                logits_BK,
                targets_B,
                log_priors_K=numbers.like(logits_BK),
                label_smoothing=self.label_smoothing,
            )

        return adjusted


CARD = Card(
    name="logit_adjusted",
    switch="loss.name=logit_adjusted",
    absent="loss={name: logit_adjusted, tau: 0, label_smoothing: 0.1}",
    row="T5",
    what="Adds tau · log prior to the logits in training only; the plain logits then serve classes alike.",
    when="Long-tailed classes, and balanced accuracy is what counts.",
    when_not="The future is as skewed as the training data and plain accuracy is what counts.",
    combine="Refused with class weights and balanced samplers, which correct the same thing. Judge by "
    "balanced_accuracy or macro_f1.",
    source="Menon et al. 2021",
)
