"""Looks inside the network: norms per layer, size of the steps, activations of a fixed probe batch."""

from __future__ import annotations

import math
from dataclasses import replace

import torch

from upfit.diagnose.preflight.calls import main_tensor
from upfit.diagnose.preflight.subject import Subject
from upfit.diagnose.preflight.units import look
from upfit.measure.inside.layers import layer_weights, moved_by, norm, sampled
from upfit.measure.inside.scores import agreement
from upfit.values.trace import Health


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
            gradient_norms={name: norm(own) for name, own in grads.items() if own},
            weight_norms={name: norm([p.detach() for p in own]) for name, own in layers.items()},
        )
        self._open = (health, sampled(layers))
        return health

    def settle(self) -> None:
        """Finish the open record once the weights have moved."""
        if self._open is None:
            return
        health, before = self._open
        after = sampled(layer_weights(self.subject.model))
        ratios = {name: moved_by(old, after[name]) for name, old in before.items() if name in after}
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
                    n: norm([p.detach() for p in own]) for n, own in layer_weights(subject.model).items()
                },
            )
        )
