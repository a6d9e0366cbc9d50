"""The range test for a training loop of one's own: model, loader, loss and optimizer as they are there."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from upfit.data.own_loader import OwnSource, moved
from upfit.errors import InputError
from upfit.models.own import call_module, parted
from upfit.techniques.holding import LOOKS, Floats, Hold, held_rates, hold_back
from upfit.techniques.range_test import RateChoice, choose_rate, span
from upfit.train.climb import endless, has_diverged, random_state_kept


def range_test(
    model: nn.Module,
    loader: Any,
    loss: Callable[[Any, torch.Tensor], torch.Tensor],
    optimizer: torch.optim.Optimizer,
    *,
    rates: int = 60,
    repeats: int = 2,
    held_out: Any = None,
    steps: int | None = None,
) -> RateChoice:
    """Find a rate for your own training loop: a short trial in which the rate grows from step to step.

    Weights, buffers, optimizer, modes of modules and random streams are as before afterwards, those of
    generators in the loader too; gradients are cleared.
    The optimizer keeps its rates: setting the one that was found is left to you.

    Args:
        model: As training will start.
        loader: Batches `(inputs, target)`, or mappings with a `target` or `labels`; has a length.
        loss: (what the model returns, target) → one number, or one per example.
        optimizer: Over the model's parameters. Where parameter groups have different rates, they keep their
            ratios, and the rate that is found is that of the fastest.
        rates: How many rates are tried, evenly spaced by ratio; a step is taken with each.
        repeats: How often, on other batches; the median counts.
        held_out: Batches like the loader's, of examples that are not trained on, passed over again and again.
            The rate is then held for a while, and lowered where a run of `steps` would overfit long before
            its end.
        steps: Steps of your run, of a schedule with a warm-up and a cosine; goes with `held_out`.

    Returns:
        The choice: `rate`, and beside it `steepest`, `lowest`, `diverged`, and the smoothed curve.

    Raises:
        InputError: Fewer than eight rates, an optimizer without a rate or of another model, `held_out`
            without `steps` or of one pass only, a loader without batches or length, a loss that is no tensor.
        TrainingError: The loss falls at no rate, or is not finite at the lowest.

    Source:
        Smith 2017, arXiv:1506.01186. How near its choice is to the best rate of a grid:
        `bench/results/range_test.md`.

    Example:
        >>> from sklearn.datasets import load_digits
        >>> x, y = load_digits(return_X_y=True)
        >>> pairs = list(zip(torch.tensor(x / 16).float(), torch.tensor(y)))
        >>> loader = torch.utils.data.DataLoader(pairs, batch_size=32, shuffle=True)
        >>> model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
        >>> optimizer = torch.optim.AdamW(model.parameters())
        >>> choice = range_test(model, loader, nn.CrossEntropyLoss(), optimizer)
        >>> for group in optimizer.param_groups:
        ...     group["lr"] = choice.rate
        >>> 1e-3 < choice.rate < 0.3
        True
    """
    _check(model, loss, optimizer)
    _check_lengths(rates, repeats, held_out, steps)
    name = type(optimizer).__name__.lower()
    rates_N = np.geomspace(*span(name), rates)
    climb = _Climb(model, loss, optimizer, _ratios(optimizer))
    source = OwnSource(loader, part=parted, seed=0, encode=lambda target: target)
    losses = []
    with random_state_kept():
        for number in range(repeats):
            torch.manual_seed(number)
            with _as_before(model, optimizer):
                losses.append(climb.losses(endless(source, number), rates_N))
        choice = choose_rate(rates_N, np.stack(losses), optimizer=name)
        if held_out is None or steps is None:
            return choice
        torch.manual_seed(repeats)
        with _as_before(model, optimizer):
            hold = climb.held(endless(source, repeats), choice.rate, rates, held_out)
    return replace(choice, rate=hold_back(choice.rate, hold, total=steps))


@dataclass(frozen=True)
class _Climb:
    """Steps at growing rates; `ratios` are those of the parameter groups' rates to the greatest."""

    model: nn.Module
    loss: Callable[[Any, torch.Tensor], torch.Tensor]
    optimizer: torch.optim.Optimizer
    ratios: list[float]

    def losses(
        self, batches: Iterator[dict[str, Any]], rates_N: Floats, look: Callable[[int], None] | None = None
    ) -> Floats:
        """The loss of each step (N,), NaN after the last; `look` follows a step."""
        losses_N = np.full(len(rates_N), np.nan)
        self.model.train()
        for step, (rate, batch) in enumerate(zip(rates_N, batches, strict=False)):
            for group, ratio in zip(self.optimizer.param_groups, self.ratios, strict=True):
                group["lr"] = float(rate) * ratio
            losses_N[step] = self._stepped(batch)
            if has_diverged(losses_N[: step + 1]):
                break
            if look is not None:
                look(step + 1)
        return losses_N

    def held(self, batches: Iterator[dict[str, Any]], rate: float, steps: int, held_out: Any) -> Hold:
        """Steps at one rate, with looks at held-out examples."""
        looks, found = [0], [self._judged(held_out)]
        every = max(1, steps // LOOKS)

        def look(step: int) -> None:
            if step % every == 0:
                looks.append(step)
                found.append(self._judged(held_out))

        return Hold.of(rate, self.losses(batches, held_rates(rate, steps), look), looks, found)

    @torch.no_grad()
    def _judged(self, held_out: Any) -> float:
        """The mean loss on held-out batches."""
        self.model.eval()
        total, count = 0.0, 0
        for inputs, target in map(parted, held_out):
            total += len(target) * self._loss(inputs, target).item()
            count += len(target)
        self.model.train()
        if not count:
            raise InputError("held_out gives no batches", expected="one batch or more")
        return total / count

    def _loss(self, inputs: Any, target: torch.Tensor) -> torch.Tensor:
        device = next(self.model.parameters()).device
        value: object = self.loss(call_module(self.model, moved(inputs, device)), target.to(device))
        if not isinstance(value, torch.Tensor):
            raise InputError(
                "the loss returns no tensor",
                expected="loss(output, target) -> one number, or one per example",
                got=type(value).__name__,
            )
        return value.mean()

    def _stepped(self, batch: dict[str, Any]) -> float:
        value = self._loss(batch["inputs"], batch["target"])
        self.optimizer.zero_grad(set_to_none=True)
        value.backward()
        self.optimizer.step()
        return value.item()


def _check(model: nn.Module, loss: Callable[..., Any], optimizer: torch.optim.Optimizer) -> None:
    """Raise `InputError` unless these are a model, a loss and an optimizer that moves the model."""
    for what, given, fits in (
        ("model", model, isinstance(model, nn.Module)),
        ("loss", loss, callable(loss)),
        ("optimizer", optimizer, isinstance(optimizer, torch.optim.Optimizer)),
    ):
        if not fits:
            raise InputError(
                f"the {what} is none",
                expected="range_test(model, loader, loss, optimizer)",
                got=type(given).__name__,
                hint="several optimizers: one test each" if what == "optimizer" else "",
            )
    if not _shared(model, optimizer):
        raise InputError(
            "the optimizer moves no parameter of the model that learns",
            expected="an optimizer over model.parameters()",
            hint="make the optimizer after the model is as it will be trained",
        )


def _check_lengths(rates: int, repeats: int, held_out: Any, steps: int | None) -> None:
    if rates < 8 or repeats < 1:
        raise InputError(
            "a range test needs at least eight rates and one repeat", got=f"{rates} rates, {repeats} repeats"
        )
    if (held_out is None) != (steps is None):
        raise InputError("held_out and steps go together: how long the run is decides whether it overfits")
    if steps is not None and not (isinstance(steps, int) and steps > 0):
        raise InputError(
            "steps is the length of your run", expected="a whole number above 0", got=repr(steps)
        )
    if hasattr(held_out, "__next__"):
        raise InputError(
            "held_out has to be passed over more than once",
            expected="a DataLoader, or a list of batches",
            got=type(held_out).__name__,
        )


def _shared(model: nn.Module, optimizer: torch.optim.Optimizer) -> bool:
    """Whether the optimizer moves anything of the model."""
    learning = {id(parameter) for parameter in model.parameters() if parameter.requires_grad}
    return any(id(one) in learning for group in optimizer.param_groups for one in group["params"])


def _ratios(optimizer: torch.optim.Optimizer) -> list[float]:
    """Rates of the parameter groups over the greatest of them."""
    given = [float(group.get("lr") or 0.0) for group in optimizer.param_groups]
    if not max(given) > 0:
        raise InputError(
            "the optimizer has no rate above 0, so the ratios of its groups' rates cannot be kept",
            got=f"lr = {given}",
            hint="build it with lr=1.0; it is only read for the ratios",
        )
    return [rate / max(given) for rate in given]


@contextmanager
def _as_before(model: nn.Module, optimizer: torch.optim.Optimizer) -> Iterator[None]:
    """Weights, buffers, modes and the optimizer as they were, after the block."""
    weights, state = copy.deepcopy(model.state_dict()), copy.deepcopy(optimizer.state_dict())
    # A state dict leaves out the buffers that are not kept with a model.
    buffers = [(buffer, buffer.detach().clone()) for buffer in model.buffers()]
    modes = [(module, module.training) for module in model.modules()]
    try:
        yield
    finally:
        optimizer.zero_grad(set_to_none=True)
        model.load_state_dict(weights)
        for buffer, before in buffers:
            buffer.data.copy_(before)
        optimizer.load_state_dict(state)
        for module, mode in modes:
            module.training = mode
