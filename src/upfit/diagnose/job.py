"""Job: a training of one's own, described so that it can be repeated with changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn
from torch.optim import Optimizer

from upfit.diagnose.preflight.calls import Forward
from upfit.errors import InputError
from upfit.values import Change

Built = tuple[nn.Module, Optimizer, Callable[..., Any]]
Build = Callable[[tuple[Change, ...]], Built]


@dataclass(frozen=True, eq=False)
class Job:
    """What `upfit.treat` trains, watches and repairs.

    Args:
        build: `build(changes) -> (model, optimizer, loss_fn)`, all new. It makes of the changes what it can
            (`{change.path: change.to for change in changes}`) and leaves the others alone. Weights are drawn
            from the random state that is set before each call. Most are carried out by the loop itself: the
            length, schedule, clipping, batches, and the loss, optimizer and layers that a network of one's
            own lacks (listed in docs/diagnosis.md).
        train: Loader of training batches that can be passed over anew: `(x, y)`, `(x1, x2, …, y)` or dicts.
        validation: The same for validation, in a fixed order.
        epochs: Passes over `train`.
        task: `classification`, `regression`, `multilabel` or `language_model`.
        metric: What validation is judged by: accuracy, rmse or map where missing.
        forward: `forward(model, batch) -> (output, target)` for models that are called otherwise.

    Example:
        >>> import torch
        >>> from torch.utils.data import DataLoader, TensorDataset
        >>> x = torch.randn(64, 4, generator=torch.Generator().manual_seed(0))
        >>> loader = DataLoader(TensorDataset(x, (x[:, 0] > 0).long()), batch_size=16)
        >>> def build(changes):
        ...     settings = {"optimizer.lr": 0.1} | {change.path: change.to for change in changes}
        ...     model = nn.Linear(4, 2)
        ...     optimizer = torch.optim.SGD(model.parameters(), lr=settings["optimizer.lr"])
        ...     return model, optimizer, nn.CrossEntropyLoss()
        >>> Job(build, loader, loader, epochs=2).epochs
        2
    """

    build: Build
    train: Any
    validation: Any
    epochs: float
    task: str = "classification"
    metric: str = ""
    forward: Forward | None = None

    def __post_init__(self) -> None:
        if not callable(vars(self)["build"]):
            raise InputError("a Job needs build", expected="build(changes) -> model, optimizer, loss_fn")
        if not self.epochs > 0:
            raise InputError("a Job trains for some epochs", expected="epochs above 0", got=str(self.epochs))
        for name, loader in (("train", self.train), ("validation", self.validation)):
            if loader is None or hasattr(loader, "__next__"):
                raise InputError(
                    f"{name} has to be passed over more than once",
                    expected="a DataLoader, or a list of batches",
                    got=type(loader).__name__,
                )


def built(job: Job, changes: tuple[Change, ...]) -> Built:
    """What `build` makes; raises `InputError` where it is not a model, an optimizer and a loss."""
    made: object = job.build(changes)
    if not (isinstance(made, tuple | list) and len(made) == 3 and isinstance(made[0], nn.Module)):
        kinds = (
            [type(one).__name__ for one in made] if isinstance(made, tuple | list) else type(made).__name__
        )
        raise InputError(
            "build returns the wrong things", expected="(model, optimizer, loss_fn)", got=str(kinds)
        )
    model, optimizer, loss_fn = made
    return model, optimizer, loss_fn
