"""What a Doctor is asked with, read generously."""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

from torch.optim import Optimizer

from upfit.errors import InputError, nearest
from upfit.measure.inside.scores import Task

SAME = {"binary": "classification", "multiclass": "classification", "lm": "language_model"}
PREFIXES = ("validation_", "valid_", "val_", "eval_", "test_", "validation/", "valid/", "val/", "eval/")


def optimizers_of(given: Optimizer | Iterable[Optimizer] | None) -> tuple[Optimizer, ...]:
    """None, one or several, as a tuple."""
    if given is None:
        return ()
    return (given,) if hasattr(given, "param_groups") else tuple(given)  # type: ignore[return-value]


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
