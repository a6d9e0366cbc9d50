"""Ordinal loss: for classes in an order, where a near miss is better than a far one."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from pydantic import field_validator
from torch.nn import functional

from upfit.errors import RecipeError, nearest
from upfit.techniques.card import Card
from upfit.techniques.losses.facts import Facts, LossFunction
from upfit.values import Task, Value


def ordinal(logits_BK: torch.Tensor, targets_B: torch.Tensor) -> torch.Tensor:
    """Mean over the K - 1 questions "is it above class k?" of their cross-entropy (B,).

    The answers are sums of the softmax's probabilities, so that outputs, probabilities and predictions are
    those of an ordinary classifier. A proper score: its expectation is least at the true probabilities.

    Args:
        logits_BK: (B, K), classes in order.
        targets_B: (B,) class indices.

    Example:
        >>> near, far = torch.tensor([[0.0, 5.0, 0.0]]), torch.tensor([[0.0, 0.0, 5.0]])
        >>> bool(ordinal(near, torch.tensor([0])) < ordinal(far, torch.tensor([0])))
        True
    """
    log_BK = functional.log_softmax(logits_BK, dim=1)
    upto_BK = torch.logcumsumexp(log_BK, dim=1)
    from_BK = torch.logcumsumexp(log_BK.flip(1), dim=1).flip(1)
    threshold = torch.arange(logits_BK.shape[1] - 1, device=logits_BK.device)
    above = targets_B[:, None] > threshold
    return -torch.where(above, from_BK[:, 1:], upto_BK[:, :-1]).mean(dim=1)


class Ordinal(Value):
    """Ordinal cross-entropy; `order` names the classes from least to most, where they are not numbers."""

    tasks: ClassVar[tuple[Task, ...]] = ("binary", "multiclass")
    order: tuple[str, ...] = ()

    @field_validator("order", mode="before")
    @classmethod
    def _texts(cls, given: Any) -> Any:
        """Class names are texts, whatever YAML makes of `1`."""
        return tuple(map(str, given)) if isinstance(given, list | tuple) else given

    def build(self, facts: Facts) -> LossFunction:
        """The function that the loop calls; raises `RecipeError` where the order is not known."""
        places = self._places(facts.classes)
        if places == sorted(places):
            return ordinal
        steps = torch.tensor(places)
        ranks = torch.argsort(steps)

        def reordered(logits_BK: torch.Tensor, targets_B: torch.Tensor) -> torch.Tensor:
            device = logits_BK.device
            return ordinal(logits_BK[:, steps.to(device)], ranks.to(device)[targets_B])

        return reordered

    def _places(self, classes: tuple[str, ...]) -> list[int]:
        """The outputs from the least class to the most."""
        if not self.order:
            return _as_numbers(classes)
        strange = next((name for name in self.order if name not in classes), None)
        if strange is not None:
            guess = nearest(strange, classes)
            raise RecipeError(
                f"loss.order: there is no class {strange!r}", expected=", ".join(classes), hint=guess
            )
        if sorted(self.order) != sorted(classes):
            raise RecipeError(
                "loss.order has to name every class once",
                expected=", ".join(classes),
                got=", ".join(self.order),
            )
        return [classes.index(name) for name in self.order]


def _as_numbers(classes: tuple[str, ...]) -> list[int]:
    try:
        values = [float(name) for name in classes]
    except ValueError:
        raise RecipeError(
            "loss ordinal: the classes are no numbers, and their order cannot be guessed",
            expected="loss.order=[least, …, most]",
            got=", ".join(classes[:8]),
        ) from None
    return sorted(range(len(classes)), key=lambda k: values[k])


CARD = Card(
    name="ordinal",
    switch="loss.name=ordinal",
    row="T5",
    what="Asks of every class but the last whether the answer lies above it, so that a miss by one class "
    "costs less than a miss by three.",
    when="Grades, ratings, stages, bins of a number: classes in an order (numbers are taken in theirs, words "
    "need `loss.order`).",
    when_not="Classes without an order. A number to predict knows its order already: use huber or "
    "squared_error, or --task multiclass to treat its values as classes.",
    combine="With class weights; refuses label smoothing. For two classes it is cross-entropy.",
    source="Frank and Hall 2001 (the questions); Epstein 1969, Gneiting and Raftery 2007 (the score)",
)
