"""A look inside a network at one step: sizes of gradients, weights and of the step itself, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from upfit.measure.inside.layers import Layers, moves, norms, sampled
from upfit.values.trace import Health


class Look:
    """Taken after the backward pass, finished once the weights have moved. It changes nothing.

    Nothing waits for the device before `health` is asked for.

    Args:
        step: Count of steps taken, this one included.
        layers: Layer → its weights.

    Example:
        >>> weight = torch.ones(2, 2, requires_grad=True)
        >>> weight.sum().backward()
        >>> look = Look(1, {"a": [weight]})
        >>> weight.data -= 0.1
        >>> look.moved({"a": [weight]})
        >>> health = look.health()
        >>> health.gradient_norms["a"], round(health.update_ratios["a"], 3)
        (2.0, 0.1)
    """

    def __init__(self, step: int, layers: Layers) -> None:
        self.step = step
        grads = {name: [p.grad for p in own if p.grad is not None] for name, own in layers.items()}
        self._with_gradient = [name for name, own in grads.items() if own]
        self._names = list(layers)
        self._gradients = _norms({name: grads[name] for name in self._with_gradient})
        self._weights = _norms({name: [p.detach() for p in own] for name, own in layers.items()})
        self._before = sampled(layers)
        self._moves: torch.Tensor | None = None

    @property
    def gradient_norm(self) -> torch.Tensor:
        """L2 norm over the gradients of all layers, a scalar on its device."""
        norm: torch.Tensor = torch.linalg.vector_norm(self._gradients)
        return norm

    def moved(self, layers: Layers) -> None:
        """Take in the weights after the step; layers that came or went are left out."""
        kept = {name: own for name, own in layers.items() if name in self._before}
        self._before = {name: self._before[name] for name in kept}
        self._moves = moves(self._before, sampled(kept)) if kept else None

    def health(self) -> Health:
        """The record."""
        steps = {} if self._moves is None else _named(list(self._before), self._moves)
        return Health(
            step=self.step,
            gradient_norms=_named(self._with_gradient, self._gradients),
            weight_norms=_named(self._names, self._weights),
            update_ratios={name: steps[name] for name in self._with_gradient if name in steps},
        )


def _norms(layers: Layers) -> torch.Tensor:
    return norms(layers) if layers else torch.zeros(0)


def _named(names: Sequence[str], values: torch.Tensor) -> dict[str, float]:
    return dict(zip(names, values.tolist(), strict=True))
