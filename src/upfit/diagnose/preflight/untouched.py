"""Look at a model as hard as one likes, and leave everything bit for bit as it was."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.optim import Optimizer

from upfit.data.generators import generators_in


@contextmanager
def untouched(
    model: nn.Module, optimizers: Iterable[Optimizer] = (), *, loaders: Iterable[Any] = ()
) -> Iterator[None]:
    """Restore weights, buffers, gradients, modes, optimizers and random states when the block ends.

    Inside the block all gradients start as None.

    Args:
        model: Its parameters and buffers are saved, and the plain attributes of its modules.
        optimizers: Their state and settings are saved, those of optimizers that they hold in turn, and
            parameters that the model does not have.
        loaders: Random generators found in them (and in their samplers and datasets) are saved.

    Example:
        >>> net = nn.Linear(2, 1)
        >>> before = net.weight.detach().clone()
        >>> with untouched(net):
        ...     _ = net.weight.data.zero_()
        >>> torch.equal(net.weight, before)
        True
    """
    optimizers = with_inner(optimizers)
    with ExitStack() as stack:
        # The last to be entered is the first to be restored: random states come last.
        stack.callback(_random_states(loaders))
        stack.callback(_attributes(model))
        for optimizer in optimizers:
            stack.callback(_optimizer(optimizer))
        stack.callback(_tensors(model, optimizers))
        yield


def _tensors(model: nn.Module, optimizers: tuple[Optimizer, ...]) -> Callable[[], None]:
    """Values of parameters and buffers; gradients and whether they are wanted."""
    outside = [p for one in optimizers for group in one.param_groups for p in group["params"]]
    parameters = list({id(p): p for p in [*model.parameters(), *outside]}.values())
    tensors = parameters + list(model.buffers())
    values = [t.detach().clone() for t in tensors]
    grads = [(p, p.grad, p.requires_grad) for p in parameters]
    for p in parameters:
        p.grad = None

    def restore() -> None:
        for tensor, value in zip(tensors, values, strict=True):
            tensor.data.copy_(value)
        for p, grad, wanted in grads:
            p.requires_grad_(wanted)
            p.grad = grad

    return restore


def _attributes(model: nn.Module) -> Callable[[], None]:
    """Training modes, counters and other plain attributes of every module."""
    modules = list(model.modules())
    saved = [dict(module.__dict__) for module in modules]
    tables = [
        {name: dict(module.__dict__[name]) for name in ("_parameters", "_buffers")} for module in modules
    ]

    def restore() -> None:
        for module, attributes, inner in zip(modules, saved, tables, strict=True):
            module.__dict__.clear()
            module.__dict__.update(attributes)
            for name, table in inner.items():
                module.__dict__[name].clear()
                module.__dict__[name].update(table)

    return restore


def with_inner(optimizers: Iterable[Optimizer]) -> tuple[Optimizer, ...]:
    """Optimizers, and those in their attributes: many wrap one, some make several step together."""
    known: dict[int, Optimizer] = {}
    waiting = list(optimizers)
    while waiting:
        one = waiting.pop(0)
        if id(one) not in known:
            known[id(one)] = one
            held = [each for value in vars(one).values() for each in _listed(value)]
            waiting += [each for each in held if isinstance(each, Optimizer)]
    return tuple(known.values())


def _listed(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list | tuple) else (value,)


def _optimizer(optimizer: Optimizer) -> Callable[[], None]:
    """Its moments, its settings per group, and the counters that schedulers keep in it."""
    state = optimizer.state
    groups = [dict(group) for group in optimizer.param_groups]
    attributes = {name: value for name, value in vars(optimizer).items() if name != "state"}
    optimizer.state = type(state)(dict) if hasattr(state, "default_factory") else type(state)()
    for parameter, moments in state.items():
        optimizer.state[parameter] = copy.deepcopy(moments)

    def restore() -> None:
        vars(optimizer).update(attributes)
        optimizer.state = state
        for group, before in zip(optimizer.param_groups, groups, strict=True):
            group.clear()
            group.update(before)

    return restore


def _random_states(loaders: Iterable[Any]) -> Callable[[], None]:
    """The global random states, and generators that live in loaders and datasets."""
    torch_state, numpy_state, python_state = torch.get_rng_state(), np.random.get_state(), random.getstate()
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    restorers = [restorer for loader in loaders for restorer in generators_in(loader)]

    def restore() -> None:
        torch.set_rng_state(torch_state)
        np.random.set_state(numpy_state)
        random.setstate(python_state)
        if cuda:
            torch.cuda.set_rng_state_all(cuda)
        for one in restorers:
            one()

    return restore
