"""Looks inside the network: norms per layer, size of the steps, activations of a fixed probe batch."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import nn

from upfit.diagnose.preflight.activations import layer_weights
from upfit.diagnose.preflight.calls import main_tensor
from upfit.diagnose.preflight.scores import agreement
from upfit.diagnose.preflight.subject import Subject
from upfit.diagnose.preflight.units import look
from upfit.values.trace import Health

TAKEN = 4096
"""Weights per layer from which the size of a step is read."""


class Looks:
    """Makes Health records.

    Args:
        subject: The model; its first training batches are the probe.
    """

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.made: list[Health] = []
        self._open: tuple[Health, dict[str, torch.Tensor]] | None = None

    def norms(self, step: int) -> Health:
        """Norms of gradients and weights per layer; the size of the step is filled in by `settle`."""
        layers = layer_weights(self.subject.model)
        grads = {name: [p.grad for p in own if p.grad is not None] for name, own in layers.items()}
        health = Health(
            step=step,
            gradient_norms={name: _norm(own) for name, own in grads.items() if own},
            weight_norms={name: _norm([p.detach() for p in own]) for name, own in layers.items()},
        )
        self._open = (health, _taken(layers))
        return health

    def settle(self) -> None:
        """Finish the open record once the weights have moved."""
        if self._open is None:
            return
        health, before = self._open
        after = _taken(layer_weights(self.subject.model))
        ratios = {name: _ratio(old, after[name]) for name, old in before.items() if name in after}
        if not any(ratios.values()):
            return
        trained = {name: ratio for name, ratio in ratios.items() if name in health.gradient_norms}
        self.made.append(replace(health, update_ratios=trained))
        self._open = None

    def flush(self) -> tuple[Health, ...]:
        """All records, the open one included."""
        return (*self.made, self._open[0]) if self._open is not None else tuple(self.made)

    def probe(self, step: int) -> None:
        """Activations, losses in both modes and the score on the probe batches; called within `untouched`."""
        subject = self.subject
        if not subject.batches:
            return
        with torch.no_grad():
            subject.model.eval()
            looked = look(subject.calls, subject.batches)
            # One pass tells all three: activations, loss and score.
            pairs = list(zip(looked.raw, subject.batches, strict=True))
            still = sum(float(subject.calls.loss(raw, one.target)) for raw, one in pairs) / len(pairs)
            known = all(isinstance(one.target, torch.Tensor) for one in subject.batches)
            answers = [main_tensor(raw) for raw in looked.raw]
            targets = [one.target for one in subject.batches]
            right = agreement(answers, targets, subject.task) if known else math.nan
            subject.model.train()
            busy = sum(float(subject.calls.measured(one)[1]) for one in subject.batches) / len(
                subject.batches
            )
        self.made.append(
            Health(
                step=step,
                dead=looked.dead,
                saturated=looked.saturated,
                means=looked.means,
                spreads=looked.spreads,
                train_mode_loss=busy,
                evaluation_mode_loss=still,
                train_metric=right,
                weight_norms={
                    n: _norm([p.detach() for p in own]) for n, own in layer_weights(subject.model).items()
                },
            )
        )


def _norm(tensors: list[torch.Tensor]) -> float:
    if not tensors:
        return math.nan
    dense = [t.coalesce().values() if t.is_sparse else t for t in tensors]
    return float(torch.stack([torch.linalg.vector_norm(t.float()) for t in dense]).norm())


def _taken(layers: dict[str, list[torch.Tensor]]) -> dict[str, torch.Tensor]:
    return {
        name: torch.cat([p.detach().reshape(-1)[:: max(1, p.numel() // TAKEN)] for p in own]).clone()
        for name, own in layers.items()
    }


def _ratio(before: torch.Tensor, after: torch.Tensor) -> float:
    size = float(before.norm())
    return float((after - before).norm()) / size if size > 0 and before.shape == after.shape else 0.0


def has_random_or_batch_layers(model: nn.Module) -> bool:
    """Whether training mode and evaluation mode can differ."""
    kinds = (nn.modules.dropout._DropoutNd, nn.modules.batchnorm._BatchNorm)
    return any(isinstance(m, kinds) and not (hasattr(m, "p") and m.p == 0) for m in model.modules())
