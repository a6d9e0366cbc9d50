"""Is the loop wired rightly? Watched from the outside, over the first steps."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

SAMPLES = 8
LARGEST = 2**20
SMALLEST = 2
ULP = 1e-7
"""Relative size of a step below which single-precision weights may rightly stay as they are."""


class Quiet:
    """A hook that a copy of the model does not take along."""

    def __init__(self, call: Callable[..., None] | None = None) -> None:
        self.call = call

    def __call__(self, *given: Any) -> None:
        """Pass on to `call`; a copy does nothing."""
        if self.call is not None:
            self.call(*given)

    def __deepcopy__(self, _memo: dict[int, Any]) -> Quiet:
        return Quiet()

    def __reduce__(self) -> tuple[type[Quiet], tuple[()]]:
        return (Quiet, ())


class Sample:
    """One parameter that is watched."""

    def __init__(self, parameter: nn.Parameter, group: dict[str, Any], owner: int) -> None:
        self.parameter = parameter
        self.group = group
        self.owner = owner
        self.bare = parameter._backward_hooks is None
        self.before = parameter.detach().clone()
        self.rate = float(group.get("lr", 0.0))
        self.able = False
        self.version = parameter._version
        self.arrived: torch.Tensor | None = None
        self.dirty = False
        self.cleared = False
        self.used = False

    def note(self) -> None:
        """Keep the weights as they are before a step, and whether it should change them."""
        self.before = self.parameter.detach().clone()
        # That of the step to come: a schedule may have moved it by the time the step is judged.
        self.rate = float(self.group.get("lr", 0.0))
        # By this step's gradient: below layers that start at nought the first one is zero.
        self.able = self.could_change()

    def changed(self) -> bool:
        """Whether the values differ from those at the last step."""
        return not torch.equal(self.parameter.detach(), self.before)

    def could_change(self) -> bool:
        """Whether its present gradient and rate are large enough to change it in single precision."""
        grad, rate = self.parameter.grad, self.rate
        if grad is None or grad.is_sparse or rate <= 0 or not bool(torch.isfinite(grad).all()):
            return False
        size = float(self.before.abs().max())
        return float(grad.abs().max()) > 0 and min(rate, rate * float(grad.abs().max())) > ULP * size


class Wiring:
    """Facts about zero_grad, step and clipping, gathered by hooks on a few parameters; `close` removes them.

    Args:
        model: The model.
        optimizers: What trains it.
    """

    def __init__(self, model: nn.Module, optimizers: tuple[Optimizer, ...]) -> None:
        self.facts: dict[str, float] = {"wiring.steps": 0.0}
        self.paused = False
        self._samples = samples_of(model, optimizers)
        self._several = len(optimizers) > 1
        self._stepped: set[int] = set()
        self._ratios: list[float] = []
        self._step = 0
        self._handles: list[Any] = []
        for sample in self._samples:
            self._handles.append(sample.parameter.register_hook(Quiet(self._arrival(sample))))
        for number, optimizer in enumerate(optimizers):
            if isinstance(optimizer, Optimizer):
                self._handles.append(optimizer.register_step_pre_hook(Quiet(self._stepping(number))))

    @property
    def is_open(self) -> bool:
        """Whether hooks are in place."""
        return bool(self._handles)

    def close(self) -> None:
        """Remove every hook."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        for sample in self._samples:
            # An empty dictionary of hooks is still gone through in every backward pass.
            if sample.bare and not sample.parameter._backward_hooks:
                sample.parameter._backward_hooks = None

    def step(self) -> None:
        """After a backward pass, before the optimizer's step."""
        self._step += 1
        self.facts["wiring.steps"] = float(self._step)
        if self._step > 1:
            self._judge_weights()
        if not self._several:
            self._judge_leftovers()
        for sample in self._samples:
            sample.note()
            sample.version = sample.parameter._version
            sample.cleared = sample.used = False
        self._stepped.clear()

    def _arrival(self, sample: Sample) -> Callable[[torch.Tensor], None]:
        """A gradient arrives: is an old one still there that has been used already?"""

        def note(grad: torch.Tensor) -> None:
            if self.paused or grad.is_sparse:
                return
            there = sample.parameter.grad
            empty = there is None or not bool(there.any())
            if empty:
                sample.dirty, sample.cleared, sample.arrived = False, True, grad.detach().clone()
                # What comes on top of this one in the same step is accumulation.
                sample.used, sample.version = False, sample.parameter._version
            else:
                sample.dirty = sample.dirty or sample.used or sample.parameter._version != sample.version
                sample.arrived = (
                    grad.detach().clone() if sample.arrived is None else sample.arrived + grad.detach()
                )

        return note

    def _stepping(self, number: int) -> Callable[..., None]:
        """The optimizer is about to step: what reaches it of the gradients that arrived?"""

        def note(*_given: Any) -> None:
            if self.paused:
                return
            self._stepped.add(number)
            mine = [one for one in self._samples if one.owner == number]
            for one in mine:
                one.used = True
            self._judge_clipping(mine)
            if self._several:
                self._judge_leftovers(mine)
            for one in mine:
                one.arrived = None

        return note

    def _judge_leftovers(self, samples: list[Sample] | None = None) -> None:
        if self._step <= 1:
            # What was there before the first step is no habit of the loop.
            return
        dirty = [one.dirty for one in (self._samples if samples is None else samples)]
        if dirty and sum(dirty) > len(dirty) / 2 and "wiring.carried_over_at" not in self.facts:
            self.facts |= {"wiring.carried_over_at": float(max(1, self._step)), "wiring.left_over": 1.0}

    def _judge_weights(self) -> None:
        """Weights as before, although gradients came that were cleared again, or used."""
        able = [one for one in self._samples if one.able]
        if len(able) < 1:
            return
        changed = [one.changed() for one in able]
        # Accumulating loops keep their gradients; whoever clears them must have used them.
        spent = [one.cleared or one.owner in self._stepped for one in able]
        if not any(changed) and all(spent) and "wiring.not_stepping_at" not in self.facts:
            self.facts["wiring.not_stepping_at"] = float(self._step - 1)
        still = [not yes for yes, used in zip(changed, spent, strict=True) if used]
        if any(changed) and self._step > 2:
            self.facts["wiring.frozen_share"] = sum(still) / max(1, len(still))

    def _judge_clipping(self, samples: list[Sample]) -> None:
        came = math.sqrt(sum(float(s.arrived.pow(2).sum()) for s in samples if s.arrived is not None))
        grads = [s.parameter.grad for s in samples]
        used = math.sqrt(sum(float(g.pow(2).sum()) for g in grads if g is not None and not g.is_sparse))
        if not came > 0 or not used > 0 or not math.isfinite(came / used):
            return
        ratio = came / used
        is_scaling = ratio >= 64 and abs(math.log2(ratio) - round(math.log2(ratio))) < 1e-3
        self._ratios.append(1.0 if is_scaling else ratio)
        self.facts["wiring.clip_ratio"] = sorted(self._ratios)[len(self._ratios) // 2]


def samples_of(model: nn.Module, optimizers: tuple[Optimizer, ...]) -> list[Sample]:
    """Some trainable parameters that the optimizers hold, spread over the model."""
    homes = {
        id(p): (group, number)
        for number, one in enumerate(optimizers)
        for group in one.param_groups
        for p in group["params"]
    }
    held = [p for p in model.parameters() if p.requires_grad and id(p) in homes]
    fit = [p for p in held if SMALLEST <= p.numel() <= LARGEST] or held[:1]
    chosen = fit[:: max(1, math.ceil(len(fit) / SAMPLES))]
    return [Sample(p, *homes[id(p)]) for p in chosen]
