"""Asymmetric loss: absent labels that are easy hardly count."""

from __future__ import annotations

from functools import partial
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch.nn import functional

from upfit.techniques.card import Card
from upfit.techniques.losses.facts import Facts, LossFunction
from upfit.techniques.losses.focal import LEAST
from upfit.values import Task, Value


def asymmetric_loss(
    logits_BK: torch.Tensor,
    targets_BK: torch.Tensor,
    *,
    gamma_positive: float = 1.0,
    gamma_negative: float = 4.0,
    clip: float = 0.05,
    weights_BK: torch.Tensor | None = None,
) -> torch.Tensor:
    """Mean over K independent labels of the asymmetric loss (B,).

    The numbers of `timm.loss.AsymmetricLossMultiLabel` with the mean over labels, taken from logits: timm
    takes no logarithm below 1e-8, so that an answer which is surely wrong has no gradient there.

    Args:
        logits_BK: (B, K).
        targets_BK: (B, K) of 0 and 1.
        gamma_positive: Focusing of labels that are present.
        gamma_negative: Focusing of labels that are absent.
        clip: Absent labels whose probability is below cost nothing.
        weights_BK: (B, K) weight of each answer.

    Example:
        >>> sure_and_right = torch.tensor([[9.0, -9.0]]), torch.tensor([[1.0, 0.0]])
        >>> float(asymmetric_loss(*sure_and_right)) < 1e-6
        True
    """
    doubt_BK = torch.sigmoid(-logits_BK).clamp_min(LEAST)
    present_BK = doubt_BK.pow(gamma_positive) * functional.softplus(-logits_BK)
    excess_BK = (torch.sigmoid(logits_BK) - clip).clamp_min(LEAST)
    # Without a clip, log(1 - p) has to be taken from the logit: p rounds to 1.
    silence_BK = -torch.log1p(-excess_BK) if clip else functional.softplus(logits_BK)
    absent_BK = excess_BK.pow(gamma_negative) * silence_BK
    losses_BK = torch.where(targets_BK > 0.5, present_BK, absent_BK)
    return (losses_BK if weights_BK is None else losses_BK * weights_BK).mean(dim=1)


class Asymmetric(Value):
    """Asymmetric loss; both gammas and `clip` 0 is binary cross-entropy."""

    tasks: ClassVar[tuple[Task, ...]] = ("multilabel",)
    gamma_positive: float = Field(default=1.0, ge=0, allow_inf_nan=False)
    gamma_negative: float = Field(default=4.0, ge=0, allow_inf_nan=False)
    clip: Annotated[float, Field(ge=0, lt=1)] = 0.05

    def build(self, facts: Facts) -> LossFunction:
        """The function that the loop calls."""
        return partial(
            asymmetric_loss,
            gamma_positive=self.gamma_positive,
            gamma_negative=self.gamma_negative,
            clip=self.clip,
        )


CARD = Card(
    name="asymmetric",
    switch="loss.name=asymmetric",
    row="T5",
    what="Focal loss with a stronger focus on absent labels, which below a small probability cost nothing.",
    when="Multilabel with many labels, of which a row has few; some that are present were never annotated.",
    when_not="Few labels, or labels present about half of the time; or probabilities have to be calibrated.",
    combine="With class weights; refuses label smoothing.",
    source="Ridnik et al. 2021; timm.loss.AsymmetricLossMultiLabel",
)
