"""The Doctor in Hugging Face's Trainer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import nn
from transformers import TrainerCallback

from upfit.diagnose.preflight.calls import Forward, main_tensor
from upfit.diagnose.watch.wiring import Quiet
from upfit.errors import InputError
from upfit.integrations.watching import Attended, Wishes, begin, end

SPEED = ("runtime", "per_second", "preparation_time", "epoch", "flos")
"""What the Trainer reports beside metrics."""
TARGETS = ("labels", "label")


class TrainerDoctor(Attended, TrainerCallback):
    """Watches a `transformers.Trainer`, and names what is wrong. The run is bit for bit the unwatched one.

    The loss of each step is taken from what the model returns, before the Trainer hides NaN in its logs.
    Findings are logged (logger `upfit`) when training ends; hooks are gone by then.

    Args:
        task: `classification`, `regression`, `multilabel` or `language_model`.
        loss_fn: `loss_fn(logits, labels)`, where the model returns no loss.
        forward: `forward(model, batch) -> (output, target)` for models that are called otherwise.
        preflight: Seconds for each one-step test that trains a little; 0 leaves the tests out.
        pretrained: Say True if the weights were to be loaded from a checkpoint.
        frozen: Name prefixes of parameters that are frozen on purpose.

    Example:
        >>> doctor = TrainerDoctor(task="classification", preflight=1.0)
        >>> trainer = Trainer(model, args, callbacks=[doctor], ...)  # doctest: +SKIP
        >>> trainer.train()  # doctest: +SKIP
        >>> print(doctor.report())
        Nothing was watched yet.
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
        self.wishes = Wishes(task, loss_fn, forward, preflight, pretrained, tuple(frozen))
        self._loss: torch.Tensor | None = None
        self._handle: Any = None

    def close(self) -> None:
        """Remove all hooks, where training was broken off; safe to call twice."""
        if self._handle is not None:
            self._handle.remove()
            self._handle = None
        if self.doctor is not None:
            self.doctor.close()
        self._loss = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Take a place beside the model."""
        self.close()
        model, optimizer = given["model"], given["optimizer"]
        self.doctor = begin(
            self.wishes,
            model,
            (getattr(optimizer, "optimizer", optimizer),),
            train=given.get("train_dataloader"),
            validation=given.get("eval_dataloader"),
        )
        self._handle = model.register_forward_hook(Quiet(self._seen), with_kwargs=True)

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Look at a step: the gradients are there, the weights have not moved."""
        if self.doctor is None:
            return
        if self._loss is None:
            raise InputError(
                "the model returned no loss to watch",
                expected="an output with `loss`, or loss_fn",
                hint="TrainerDoctor(loss_fn=torch.nn.CrossEntropyLoss())",
            )
        self.doctor.step(self._loss)
        self._loss = None

    def on_evaluate(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Take note of an evaluation."""
        metrics = given.get("metrics") or {}
        known = {
            name: value
            for name, value in metrics.items()
            if isinstance(value, int | float) and not any(word in name for word in SPEED)
        }
        if self.doctor is not None and known:
            self.doctor.validated(known)

    def on_train_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Leave, and say what was found."""
        if self.doctor is not None:
            self.close()
            end(self.doctor)

    def _seen(self, module: nn.Module, _given: Any, named: Mapping[str, Any], output: Any) -> None:
        """A forward pass of the Trainer's: keep its loss."""
        if not (module.training and torch.is_grad_enabled()) or self.doctor is None or self.doctor.is_busy:
            return
        loss = output.get("loss") if isinstance(output, Mapping) else getattr(output, "loss", None)
        labels = next((named[name] for name in TARGETS if name in named), None)
        if loss is None and self.wishes.loss_fn is not None and labels is not None:
            loss = self.wishes.loss_fn(main_tensor(output), labels)
        if isinstance(loss, torch.Tensor):
            self._loss = loss
