"""Losses: functions (logits, targets) → one loss per example. `LOSSES` names those a recipe may choose.

Validation is judged by the plain loss of the task, so that runs with different losses can be compared;
regression is judged by the loss it is trained with, since a median is not a failed mean.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from upfit.errors import RecipeError, nearest
from upfit.measure.pinball import pinball_name
from upfit.techniques.losses.absolute_error import AbsoluteError, absolute_error
from upfit.techniques.losses.asymmetric import Asymmetric, asymmetric_loss
from upfit.techniques.losses.binary_cross_entropy import BinaryCrossEntropy, binary_cross_entropy
from upfit.techniques.losses.class_balanced import ClassBalanced
from upfit.techniques.losses.class_weights import with_class_weights
from upfit.techniques.losses.cross_entropy import CrossEntropy, cross_entropy
from upfit.techniques.losses.facts import PLAIN, Facts, LossFunction, LossPart
from upfit.techniques.losses.focal import Focal, binary_focal_loss, focal_loss
from upfit.techniques.losses.generalised_cross_entropy import (
    GeneralisedCrossEntropy,
    generalised_cross_entropy,
)
from upfit.techniques.losses.huber import Huber, huber
from upfit.techniques.losses.ldam import Ldam, ldam
from upfit.techniques.losses.log_cosh import LogCosh, log_cosh
from upfit.techniques.losses.logit_adjusted import LogitAdjusted, logit_adjusted
from upfit.techniques.losses.ordinal import Ordinal, ordinal
from upfit.techniques.losses.own import OWN, adopt, guarded, rehearse
from upfit.techniques.losses.quantile import Quantile, quantile_loss
from upfit.techniques.losses.squared_error import SquaredError, squared_error
from upfit.techniques.losses.symmetric_cross_entropy import SymmetricCrossEntropy, symmetric_cross_entropy
from upfit.values import Task, Value
from upfit.values.loss import Loss

NEEDS: dict[Task, str] = {
    "binary": "classes that exclude each other",
    "multiclass": "classes that exclude each other",
    "multilabel": "several labels per row",
    "regression": "a number to predict",
}


def plain(task: Task) -> str:
    """The loss that `auto` stands for."""
    return PLAIN[task]


def fitting(task: Task) -> tuple[str, ...]:
    """Names of the losses that fit a task.

    Example:
        >>> fitting("multilabel")
        ('binary_cross_entropy', 'focal', 'asymmetric')
    """
    return tuple(name for name, kind in LOSSES.items() if task in kind.tasks)


def part(chosen: Loss, task: Task | None = None) -> LossPart:
    """The loss that a recipe chooses, with its settings checked.

    Args:
        chosen: The recipe's.
        task: None while it is not known: then `auto` is not looked into.

    Raises:
        RecipeError: An unknown loss or setting, a value out of range, or a loss that does not fit the task.
    """
    name = plain(task) if chosen.name == "auto" and task else chosen.name
    kind = _kind(name)
    if task and task not in kind.tasks:
        needs = " or ".join(dict.fromkeys(NEEDS[one] for one in kind.tasks))
        raise RecipeError(
            f"loss {name} does not fit {task}: it needs {needs}", expected=", ".join(fitting(task))
        )
    settings = chosen.settings
    if chosen.label_smoothing not in ("auto", 0):
        if "label_smoothing" not in getattr(kind, "model_fields", {}):
            raise RecipeError(
                f"loss {name} takes no label smoothing",
                expected=", ".join(n for n, k in LOSSES.items() if "label_smoothing" in k.model_fields),
                hint="loss.label_smoothing=0",
            )
        settings["label_smoothing"] = chosen.label_smoothing
    return kind(**settings)


def check(chosen: Loss) -> None:
    """Raise `RecipeError` unless the loss can be built for some task."""
    if chosen.name == "auto":
        _check_nameless(chosen.settings)
    elif chosen.name != OWN:
        part(chosen)


def _check_nameless(settings: Mapping[str, Any]) -> None:
    """The losses that `auto` stands for take nothing but what every recipe has."""
    named = [name for name in settings if name in LOSSES]
    if len(named) > 1:
        raise RecipeError(f"a run has one loss, and this recipe names {' and '.join(named)}")
    for name in named:
        raise RecipeError(
            f"loss {name} stands beside fields of the loss, and should be one of them",
            expected=f"loss: {{name: {name}, …}} with its settings and the other fields side by side",
        )
    for name in settings:
        takers = [loss for loss, kind in LOSSES.items() if name in kind.model_fields]
        raise RecipeError(
            f"loss.{name} is no setting of loss auto",
            expected=f"loss.name, one of {', '.join(takers)}" if takers else "label_smoothing, class_weights",
            hint=f"loss.name={takers[0]}" if takers else "",
        )


def build(chosen: Loss, facts: Facts, own: Callable[..., Any] | None = None) -> LossFunction:
    """The loss that the loop calls, with its class weights.

    Args:
        chosen: The recipe's.
        facts: About the training rows.
        own: The callable, where the recipe names one of the user's.

    Raises:
        RecipeError: It does not fit the task or the classes.
    """
    if chosen.name == OWN:
        return with_class_weights(_own(chosen, facts, own), chosen.class_weights, facts)
    _check_weights(chosen, facts)
    return with_class_weights(part(chosen, facts.task).build(facts), chosen.class_weights, facts)


def judging(chosen: Loss, facts: Facts, own: Callable[..., Any] | None = None) -> LossFunction:
    """The loss that validation is judged by: plain for classes and labels, the chosen one for regression."""
    if facts.task == "regression":
        return build(chosen, facts, own)
    return part(Loss(), facts.task).build(facts)


def deciding_metric(chosen: Loss, task: Task) -> str | None:
    """The metric by which models of a loss have to be compared; None where the task's will do.

    Example:
        >>> deciding_metric(Loss(name="quantile", quantile=0.9), "regression")
        'pinball_90'
        >>> deciding_metric(Loss(name="absolute_error"), "regression")
        'mae'
    """
    if task != "regression":
        return None
    if chosen.name == "quantile":
        level = Quantile(**chosen.settings).quantile
        return "mae" if level == 0.5 else pinball_name(level)
    return "mae" if chosen.name == "absolute_error" else None


def settled(chosen: Loss, task: Task, *, label_smoothing: float) -> Loss:
    """The loss with its name and every setting filled in.

    Args:
        chosen: The recipe's; what it states is kept.
        task: What is predicted.
        label_smoothing: What `auto` means for plain cross-entropy; other losses start without.
    """
    if chosen.name == OWN:
        return chosen.replace(label_smoothing=0.0)
    name = plain(task) if chosen.name == "auto" else chosen.name
    smoothing = chosen.label_smoothing
    if smoothing == "auto":
        smoothing = label_smoothing if name in PLAIN.values() and task != "regression" else 0.0
    filled = Loss(name=name, label_smoothing=smoothing, class_weights=chosen.class_weights, **chosen.settings)
    settings = cast(Value, part(filled, task)).model_dump()
    settings.pop("label_smoothing", None)
    return Loss(name=name, label_smoothing=smoothing, class_weights=chosen.class_weights, **settings)


def _kind(name: str) -> type[LossPart]:
    if name not in LOSSES:
        guess = nearest(name, LOSSES)
        raise RecipeError(
            f"there is no loss {name!r}",
            expected=", ".join(("auto", *LOSSES)),
            hint=f"loss.name={guess}" if guess else "upfit.fit(…, loss=…) takes any callable",
        )
    return cast(type[LossPart], LOSSES[name])


def _own(chosen: Loss, facts: Facts, own: Callable[..., Any] | None) -> LossFunction:
    if own is None:
        raise RecipeError(
            f"the recipe names a loss from Python, {chosen.settings.get('function', '?')}, and none is given",
            hint="upfit.fit(…, loss=…)",
        )
    if chosen.label_smoothing not in ("auto", 0):
        raise RecipeError("a loss of one's own takes no label smoothing", hint="smooth in the callable")
    if facts.task == "multilabel" and chosen.class_weights != "none":
        raise RecipeError(
            "class weights of labels do not fit a loss of one's own", hint="weigh in the callable"
        )
    return guarded(own)


def _check_weights(chosen: Loss, facts: Facts) -> None:
    if chosen.class_weights == "none" or chosen.name not in ("class_balanced", "logit_adjusted"):
        return
    raise RecipeError(
        f"loss {chosen.name} corrects for the counts of the classes already",
        expected="loss.class_weights=none",
        got=str(chosen.class_weights),
    )


LOSSES: dict[str, Any] = {
    "cross_entropy": CrossEntropy,
    "binary_cross_entropy": BinaryCrossEntropy,
    "focal": Focal,
    "class_balanced": ClassBalanced,
    "logit_adjusted": LogitAdjusted,
    "ldam": Ldam,
    "asymmetric": Asymmetric,
    "ordinal": Ordinal,
    "generalised_cross_entropy": GeneralisedCrossEntropy,
    "symmetric_cross_entropy": SymmetricCrossEntropy,
    "squared_error": SquaredError,
    "absolute_error": AbsoluteError,
    "huber": Huber,
    "log_cosh": LogCosh,
    "quantile": Quantile,
}

__all__ = [
    "LOSSES",
    "OWN",
    "PLAIN",
    "Facts",
    "LossFunction",
    "absolute_error",
    "adopt",
    "asymmetric_loss",
    "binary_cross_entropy",
    "binary_focal_loss",
    "build",
    "check",
    "cross_entropy",
    "deciding_metric",
    "fitting",
    "focal_loss",
    "generalised_cross_entropy",
    "huber",
    "judging",
    "ldam",
    "log_cosh",
    "logit_adjusted",
    "ordinal",
    "part",
    "plain",
    "quantile_loss",
    "rehearse",
    "settled",
    "squared_error",
    "symmetric_cross_entropy",
]
