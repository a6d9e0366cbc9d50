"""What the rules of other tools look at, recorded beside a training: nothing of upfit is used."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import torch
from torch import nn

EVERY = 10
"""Steps between looks. SageMaker saves every 500th by default, and these trainings are shorter than that."""
SQUASHES = {nn.ReLU: "relu", nn.Sigmoid: "sigmoid", nn.Tanh: "tanh", nn.Softmax: "softmax"}
WITH_LOGITS = {"CrossEntropyLoss": "softmax", "BCEWithLogitsLoss": "sigmoid"}


@dataclass(eq=False)
class Notes:
    """The record of one training, as plain numbers (`as_dict`)."""

    training: Any
    losses: list[float] = field(default_factory=list)
    looks: list[dict[str, Any]] = field(default_factory=list)
    epochs: list[dict[str, float]] = field(default_factory=list)
    _inside: list[dict[str, Any]] = field(default_factory=list)
    _before: dict[str, torch.Tensor] = field(default_factory=dict)
    _armed: bool = False
    _right: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name, module in self.training.model.named_modules():
            kind = SQUASHES.get(type(module), "exponential" if type(module).__name__ == "Exponential" else "")
            if kind:
                module.register_forward_hook(self._hook(name, kind))

    def _hook(self, name: str, kind: str) -> Any:
        def note(_module: Any, given: Any, output: torch.Tensor) -> None:
            if self._armed:
                self._inside.append(
                    {"name": name, "kind": kind, **_inside(given[0].detach(), output.detach())}
                )

        return note

    def begin(self, step: int, *, last: bool) -> None:
        """Before the forward pass of a step; `last` is the last one of an epoch."""
        self._armed = step == 1 or step % EVERY == 0 or last
        self._inside = []

    def end(self, step: int, loss: float, right: float, *, last: bool) -> None:
        """After the backward pass."""
        self.losses.append(loss)
        self._right.append(right)
        if self._armed:
            weights = [self._weights(name, p) for name, p in _matrices(self.training.model)]
            self.looks.append({"step": step, "last": last, "weights": weights, "inside": self._inside})
        self._armed = False

    def _weights(self, name: str, p: nn.Parameter) -> dict[str, Any]:
        value = p.detach()
        grad = torch.zeros_like(value) if p.grad is None else p.grad.detach()
        grad = grad.to_dense() if grad.is_sparse else grad
        before = self._before.get(name)
        moved = math.nan if before is None else float((value - before).norm() / before.norm().clamp(min=1e-9))
        self._before[name] = value.clone()
        return {
            "name": name,
            "gradient": float(grad.norm()),
            "gradient_mean": float(grad.mean()),
            "gradient_size": float(grad.abs().mean()),
            "gradient_zeros": float((grad == 0).sum()),
            "count": grad.numel(),
            "weight": float(value.norm()),
            "weight_mean": float(value.mean()),
            "moved": moved,
            "finite": bool(torch.isfinite(grad).all()) and bool(torch.isfinite(value).all()),
        }

    def validated(self, loss: float, score: float) -> None:
        """After each epoch."""
        count = max(1, len(self._right))
        self.epochs.append(
            {
                "loss": sum(self.losses[-count:]) / count,
                "accuracy": sum(self._right) / count,
                "validation_loss": loss,
                "validation_accuracy": score,
            }
        )
        self._right = []

    def as_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        training = self.training
        x, y = zip(*training.train, strict=True)
        x, y = torch.cat([one.double() for one in x]), torch.cat(list(y))
        counts = torch.unique(y, return_counts=True)[1] if y.dtype == torch.long else torch.ones(1)
        return {
            "task": training.task,
            "epochs_wanted": training.epochs,
            "rate": max(group["lr"] for group in training.optimizer.param_groups),
            "input": [float(x.min()), float(x.max())],
            "input_is_floating": next(iter(training.train))[0].is_floating_point(),
            "input_is_finite": bool(torch.isfinite(x).all()),
            "target": [float(y.min()), float(y.max())],
            "imbalance": float(counts.max() / counts.min()),
            "head": _head(training),
            "linear_after_linear": _missing_activation(training.model),
            "losses": self.losses,
            "looks": self.looks,
            "epochs": self.epochs,
        }


def _inside(given: torch.Tensor, output: torch.Tensor) -> dict[str, float]:
    flat = output.reshape(len(output), -1)
    spread = given.double().reshape(len(given), -1)
    low, high = torch.quantile(spread.flatten()[:100_000].float(), torch.tensor([0.05, 0.95])).tolist()
    return {
        "mean": float(output.mean()),
        "inactive": float((output <= 0).float().mean()),
        "dead": float(((flat > 0).float().mean(0) <= 0.01).float().mean()),
        "beyond_5": float((given.abs() >= 5).float().mean()),
        "sigmoid_limits": float(((given < -23) | (given > 16.99999)).float().mean()),
        "tanh_limits": float((given.abs() > 9.4999).float().mean()),
        "variance": float(spread.var()),
        "range": high - low,
    }


def _matrices(model: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    return ((name, p) for name, p in model.named_parameters() if p.ndim >= 2 and p.requires_grad)


def _leaves(model: nn.Module) -> list[nn.Module]:
    return [
        m for m in model.modules() if not list(m.children()) and not isinstance(m, nn.Flatten | nn.Dropout)
    ]


def _head(training: Any) -> str:
    """What comes last, as these tools count it: a loss on logits ends in its own function."""
    named = WITH_LOGITS.get(type(training.loss_fn).__name__)
    last = SQUASHES.get(type(_leaves(training.model)[-1]), "linear")
    return named or last


def _missing_activation(model: nn.Module) -> bool:
    """Two linear layers in a row; the order in which modules are written is taken for that of the pass."""
    if not isinstance(model, nn.Sequential):
        return False
    leaves = _leaves(model)
    return any(isinstance(a, nn.Linear) and isinstance(b, nn.Linear) for a, b in pairwise(leaves))
