"""Looks inside the network: norms per layer, size of the steps, activations of a fixed probe batch."""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import fmean
from typing import Any

import torch

from upfit.diagnose.preflight.calls import Example, main_tensor
from upfit.diagnose.preflight.subject import Subject
from upfit.diagnose.preflight.units import look
from upfit.measure.inside.layers import layer_weights, norm
from upfit.measure.inside.look import Look
from upfit.measure.inside.scores import agreement
from upfit.values.trace import Health

SMALL = 2**20
"""Numbers in all probe batches up to which they go through the network at once."""


def together(batches: list[Example]) -> list[Example]:
    """The batches as one, where they are small tensors of one shape: eight passes cost eight times as much.

    In evaluation mode examples do not see each other, so the answers are the same.
    """
    inputs, targets = [one.inputs for one in batches], [one.target for one in batches]
    if not all(isinstance(one, torch.Tensor) and one.ndim for one in (*inputs, *targets)):
        return batches
    shapes = {tuple(one.shape[1:]) for one in inputs}, {tuple(one.shape[1:]) for one in targets}
    sizes = {len(one) for one in inputs}
    alike = len(sizes) == 1 and all(len(one) == 1 for one in shapes)
    if not alike or sum(one.numel() for one in inputs) > SMALL:
        return batches
    return [Example(torch.cat(inputs), torch.cat(targets))]


class Looks:
    """Makes Health records.

    Args:
        subject: The model; its first training batches are the probe.
    """

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.made: list[Health] = []
        self._open: Look | None = None

    @property
    def is_open(self) -> bool:
        """Whether a look waits for the weights to move."""
        return self._open is not None

    def norms(self, step: int) -> float:
        """Look at gradients and weights per layer; returns the norm of all gradients.

        The size of the step is filled in by `settle`.
        """
        self._open = Look(step, layer_weights(self.subject.model))
        return float(self._open.gradient_norm)

    def settle(self) -> None:
        """Finish the open look once the weights have moved."""
        if self._open is None:
            return
        self._open.moved(layer_weights(self.subject.model))
        health = self._open.health()
        if any(health.update_ratios.values()):
            self.made.append(health)
            self._open = None

    def flush(self) -> tuple[Health, ...]:
        """All records, the open one included."""
        return (*self.made, self._open.health()) if self._open is not None else tuple(self.made)

    def probe(self, step: int) -> None:
        """Activations, losses in both modes and the score on the probe batches; called within `untouched`."""
        subject = self.subject
        if not subject.batches:
            return
        with torch.no_grad():
            subject.model.eval()
            examples = together(subject.batches)
            looked = look(subject.calls, examples)
            # One pass tells all three: activations, loss and score.
            pairs = list(zip(looked.raw, examples, strict=True))
            still = fmean(self._losses(pairs))
            known = all(isinstance(one.target, torch.Tensor) for one in examples)
            answers = [main_tensor(raw) for raw in looked.raw]
            targets = [one.target for one in examples]
            right = agreement(answers, targets, subject.task) if known else math.nan
            subject.model.train()
            busy = fmean(float(subject.calls.measured(one)[1]) for one in subject.batches)
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

    def _losses(self, answered: list[tuple[Any, Example]]) -> Iterator[float]:
        """The loss of each batch by itself, as in training: a loss that adds up grows with its batch."""
        for raw, example in answered:
            loss, count = self.subject.calls.loss, len(self.subject.batches)
            joined = len(answered) < count and isinstance(raw, torch.Tensor)
            if joined and len(raw) == len(example.target):
                several = zip(raw.chunk(count), example.target.chunk(count), strict=True)
                yield from (float(loss(answer, target)) for answer, target in several)
            else:
                yield float(loss(raw, example.target))
