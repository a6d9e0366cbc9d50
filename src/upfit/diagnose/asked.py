"""What a Doctor is asked with, read generously."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, get_args

from torch.optim import Optimizer

from upfit.errors import InputError, nearest
from upfit.measure.inside.scores import Task

SAME = {"binary": "classification", "multiclass": "classification", "lm": "language_model"}
PREFIXES = ("validation_", "valid_", "val_", "eval_", "test_", "validation/", "valid/", "val/", "eval/")


def optimizers_of(given: Optimizer | Iterable[Optimizer] | None) -> tuple[Optimizer, ...]:
    """None, one or several, as a tuple; raises `InputError` for what is no optimizer."""
    if given is None:
        return ()
    several = given if isinstance(given, Iterable) and not hasattr(given, "param_groups") else (given,)
    found: tuple[Any, ...] = tuple(several)
    strange = next((one for one in found if not hasattr(one, "param_groups")), None)
    if strange is not None:
        raise InputError(
            "this is no optimizer",
            expected="a torch.optim.Optimizer, or a tuple of them",
            got=type(strange).__name__,
        )
    return found


def loss_of(given: Any) -> Any:
    """A loss function, or None for models that return their loss; raises `InputError` for anything else."""
    if given is None or callable(given):
        return given
    raise InputError(
        "this is no loss function", expected="loss_fn(model(x), y), or None", got=type(given).__name__
    )


def numbers_of(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Metrics as numbers by their plain names; raises `InputError` where one is no number.

    Example:
        >>> numbers_of({"val_loss": 0.5})
        {'loss': 0.5}
    """
    if not isinstance(metrics, Mapping):
        got = type(metrics).__name__  # type: ignore[unreachable]  # for callers without a type checker
        raise InputError("metrics come with their names", expected='{"accuracy": 0.91}', got=got)
    values = {}
    for name, value in metrics.items():
        try:
            values[plain_name(name)] = float(value)
        except (TypeError, ValueError, RuntimeError):
            raise InputError(
                f"the metric {name!r} is no number", expected="one number", got=type(value).__name__
            ) from None
    return values


def task_of(name: str) -> Task:
    """A task by its name, or by what others call it; raises `InputError` with the nearest one."""
    task = SAME.get(name, name)
    if task not in get_args(Task):
        known = (*get_args(Task), *SAME)
        raise InputError(
            f"there is no task {name!r}", expected="one of " + ", ".join(known), hint=nearest(name, known)
        )
    return task  # type: ignore[return-value]


def plain_name(name: str) -> str:
    """`val_loss` and `eval/loss` are `loss`."""
    lowered = name.lower()
    return next((lowered.removeprefix(p) for p in PREFIXES if lowered.startswith(p)), lowered)
