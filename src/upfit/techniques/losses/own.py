"""A loss of one's own: any callable (logits, targets) → (B,), checked so that a wrong shape shows at once."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from upfit.errors import RecipeError
from upfit.techniques.card import Card
from upfit.techniques.losses.facts import PLAIN, Facts, LossFunction
from upfit.values import Recipe
from upfit.values.loss import Loss

OWN = "own"
"""The name under which recipes list a loss that came from Python."""
REHEARSED = 3
"""Examples of the rehearsal."""


def adopt(recipe: Recipe, function: Callable[..., Any] | None) -> Recipe:
    """The recipe with a callable as its loss, by name; without a callable, a recipe that needs none.

    Raises:
        RecipeError: The recipe was made with a loss from Python, and this one is missing or another.

    Example:
        >>> from torch.nn.functional import cross_entropy
        >>> adopt(Recipe(), cross_entropy).loss.settings
        {'function': 'torch.nn.functional:cross_entropy'}
    """
    known = str(recipe.loss.settings.get("function", "a loss of its own"))
    if function is None:
        if recipe.loss.name == OWN:
            raise RecipeError(
                f"this recipe was trained with a loss from Python, {known}, which has to be given again",
                hint="upfit.resume(folder, loss=…), or upfit.fit(…, loss=…)",
            )
        return recipe
    if not callable(function):
        raise RecipeError(
            "loss= is not callable", expected="(logits (B, K), targets) → (B,)", got=type(function).__name__
        )
    name = name_of(function)
    if recipe.loss.name == OWN and known.partition(":")[2] != name.partition(":")[2]:
        raise RecipeError("this recipe was trained with another loss from Python", expected=known, got=name)
    # A settled recipe names the loss that its task has anyway; any other was somebody's choice.
    if recipe.loss.name not in ("auto", OWN, *PLAIN.values()):
        raise RecipeError(
            f"loss.name={recipe.loss.name} and loss={name}: a run has one loss",
            hint="leave one of them out",
        )
    stated: dict[str, Any] = {"function": name, "class_weights": recipe.loss.class_weights}
    # Told of, where the loss is built: a callable takes no smoothing.
    stated["label_smoothing"] = recipe.loss.label_smoothing
    return recipe.replace(loss=Loss(name=OWN, **stated))


def name_of(function: Callable[..., Any]) -> str:
    """`module:name` of a function, of what a partial is made of, or of an object's class.

    Example:
        >>> name_of(torch.nn.HuberLoss(reduction="none"))
        'torch.nn.modules.loss:HuberLoss'
    """
    while isinstance(function, partial):
        function = function.func
    named = function if hasattr(function, "__qualname__") else type(function)
    return f"{named.__module__}:{named.__qualname__}"


def guarded(function: Callable[..., Any]) -> LossFunction:
    """The callable with the shape of its answers checked; raises `RecipeError` with both shapes."""

    def checked(logits_BK: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        losses_B = function(logits_BK, targets)
        wanted = (len(logits_BK),)
        if not isinstance(losses_B, torch.Tensor) or tuple(losses_B.shape) != wanted:
            shown = tuple(losses_B.shape) if isinstance(losses_B, torch.Tensor) else type(losses_B).__name__
            raise RecipeError(
                f"the loss {name_of(function)} has to give one number per example",
                expected=f"shape {wanted} from logits {tuple(logits_BK.shape)} and targets "
                f"{tuple(targets.shape)}",
                got=f"shape {shown}" if isinstance(shown, tuple) else shown,
                hint='reduction="none" in torch\'s losses; .mean(dim=1) over outputs',
            )
        return losses_B

    return checked


def rehearse(function: Callable[..., Any], facts: Facts) -> None:
    """Call a loss once on made-up logits, so that its faults show before any work.

    Raises:
        RecipeError: It raises, gives a wrong shape, no gradient, or no number.
    """
    outputs = max(1, len(facts.classes))
    # Not all alike: a loss may divide by how far they lie apart.
    logits_BK = torch.linspace(-1, 1, REHEARSED * outputs).view(REHEARSED, outputs).requires_grad_()
    try:
        losses_B = guarded(function)(logits_BK, _targets(facts, outputs))
    except RecipeError:
        raise
    except Exception as error:
        raise RecipeError(
            f"the loss {name_of(function)} raises {type(error).__name__}: {error}",
            expected=f"(logits (B, {outputs}), targets {_wanted(facts)}) → (B,)",
        ) from error
    if not losses_B.requires_grad:
        raise RecipeError(
            f"the loss {name_of(function)} has no gradient towards the logits",
            hint="stay in torch: no .detach(), .item(), .argmax() or numpy on the way",
        )
    if not bool(losses_B.isfinite().all()):
        raise RecipeError(
            f"the loss {name_of(function)} gives no finite number for logits between -1 and 1",
            got=str(losses_B.detach().tolist()),
        )


def _targets(facts: Facts, outputs: int) -> torch.Tensor:
    """Targets as the objective encodes them."""
    if facts.task == "regression":
        return torch.linspace(-1, 1, REHEARSED)
    if facts.task == "multilabel":
        return (torch.arange(REHEARSED * outputs) % 2).float().view(REHEARSED, outputs)
    return torch.arange(REHEARSED) % outputs


def _wanted(facts: Facts) -> str:
    if facts.task == "regression":
        return "(B,) in standard units"
    return "(B, K) of 0 and 1" if facts.task == "multilabel" else "(B,) of class indices"


CARD = Card(
    name="own_loss",
    switch="loss.name=own",
    row="T5",
    what="Any Python callable (logits (B, K), targets) → (B,), given as upfit.fit(…, loss=…) or "
    "upfit.train(…, loss=…); the run records its name, and resuming asks for it again.",
    when="The cost of a mistake is known, and no loss here has it.",
    when_not="From the command line: a recipe stores no code.",
    combine="With class weights (classes that exclude each other) and every technique that works on losses.",
    source="upfit",
    python="upfit.fit(…, loss=…), upfit.train(…, loss=…)",
    unmeasured="it is yours",
)
