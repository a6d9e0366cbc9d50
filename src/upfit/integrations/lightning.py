"""The Doctor in Lightning's Trainer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch

from upfit.diagnose.asked import PREFIXES
from upfit.diagnose.preflight.calls import Forward
from upfit.errors import MissingExtraError
from upfit.integrations.training_step import call_training_step
from upfit.integrations.watching import Attended, Wishes, begin, end

try:
    from lightning.pytorch import Callback
except ImportError:
    try:
        from pytorch_lightning import Callback  # type: ignore[assignment]
    except ImportError:
        raise MissingExtraError(
            "lightning", extra="lightning", purpose="the callback for Lightning"
        ) from None


class LightningDoctor(Attended, Callback):
    """Watches a `lightning.Trainer`, and names what is wrong. The run is bit for bit the unwatched one.

    Findings are logged (logger `upfit`) when training ends; hooks are gone by then.

    Args:
        task: `classification`, `regression`, `multilabel` or `language_model`.
        loss_fn: `loss_fn(module(x), y)`. Without it the one-step tests call `training_step` with its
            logging muted; metric objects in there would count our batches too, so name `loss_fn` then.
        forward: `forward(module, batch) -> (output, target)` for modules that are called otherwise.
        preflight: Seconds for each one-step test that trains a little; 0 leaves the tests out.
        pretrained: Say True if the weights were to be loaded from a checkpoint.
        frozen: Name prefixes of parameters that are frozen on purpose.

    Example:
        >>> doctor = LightningDoctor(task="classification", loss_fn=torch.nn.CrossEntropyLoss())
        >>> trainer = Trainer(callbacks=[doctor])  # doctest: +SKIP
        >>> trainer.fit(module, train_loader, validation_loader)  # doctest: +SKIP
        >>> doctor.findings
        ()
    """

    def __init__(
        self,
        *,
        task: str = "classification",
        loss_fn: Callable[..., Any] | None = None,
        forward: Forward | None = None,
        preflight: float = 0.0,
        pretrained: bool | None = None,
        frozen: Iterable[str] = (),
    ) -> None:
        super().__init__()
        if loss_fn is None and forward is None:
            forward = call_training_step
        self.wishes = Wishes(task, loss_fn, forward, preflight, pretrained, tuple(frozen))
        self._loss: torch.Tensor | None = None

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Take a place beside the module."""
        loaders = trainer.val_dataloaders
        validation = loaders[0] if isinstance(loaders, list | tuple) and loaders else loaders
        self.doctor = begin(
            self.wishes,
            pl_module,
            tuple(trainer.optimizers),
            train=trainer.train_dataloader,
            validation=validation,
        )

    def on_before_backward(self, trainer: Any, pl_module: Any, loss: torch.Tensor) -> None:
        """Keep the loss of the step."""
        self._loss = loss

    def on_before_optimizer_step(self, trainer: Any, pl_module: Any, optimizer: Any) -> None:
        """Look at a step: the gradients are there, the weights have not moved."""
        first = optimizer is trainer.optimizers[0] or len(trainer.optimizers) == 1
        if self.doctor is not None and self._loss is not None and first:
            self.doctor.step(self._loss)
            self._loss = None

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """Take note of an evaluation."""
        if self.doctor is None or trainer.sanity_checking:
            return
        logged = trainer.callback_metrics.items()
        known = {name: float(value) for name, value in logged if name.lower().startswith(PREFIXES)}
        if known:
            self.doctor.validated(known)

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """Say what an error means, and leave."""
        if self.doctor is not None:
            self.doctor.failed(exception)
            end(self.doctor)

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """Leave, and say what was found."""
        self._loss = None
        if self.doctor is not None:
            end(self.doctor)
