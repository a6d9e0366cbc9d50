"""Which operation made the first value that is no number: a forward and a backward pass under a glass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn

from upfit.measure.inside.activations import InsideMode

MASKS = ("masked_fill", "where", "full", "fill", "tril", "triu", "zeros", "ones", "empty", "clone", "to")
"""What begins the names of functions that may rightly put infinity into a tensor: attention masks do."""


class FirstBad(InsideMode):
    """Within it, every function's output is looked at; `found` names the first that went bad.

    NaN counts wherever it appears from numbers; infinity where a function makes it from finite numbers,
    unless it fills a mask. After the forward pass, `backward(loss)` follows the gradients.

    Args:
        model: Its modules are named; the hooks are removed at the end.

    Example:
        >>> model = nn.Sequential(nn.Linear(1, 1), nn.ReLU())
        >>> with FirstBad(model) as glass:
        ...     _ = model(torch.zeros(1, 1)).sub(1).log().sum()
        >>> glass.found
        'log'
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model, self._left)
        self.found = ""
        self._model = model
        self._order: list[str] = []
        self._good: list[str] = []
        self._bad_gradient = ""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if self.found:
            return func(*args, **(kwargs or {}))
        # Before the call: what works in place leaves nothing of its inputs.
        finite, numbers = _state([*args, *(kwargs or {}).values()])
        answer = func(*args, **(kwargs or {}))
        if numbers and _is_bad(_name(func), answer, finite):
            self.found = self._place(_name(func))
        return answer

    def backward(self, loss: torch.Tensor) -> None:
        """Go backward, and name where gradients stop being numbers; leaves gradients in the parameters."""
        loss.backward()
        if self.found:
            return
        if self._bad_gradient:
            through = self._good[-1] if self._good else "the loss"
            self.found = f"the gradient on its way back through {through}"
            return
        names = [n for n, p in self._model.named_parameters() if p.grad is not None]
        grads = {n: p.grad for n, p in self._model.named_parameters()}
        bad = [n for n in names if not bool(torch.isfinite(_values(grads[n])).all())]
        if bad:
            self.found = f"the gradient of {bad[-1]}"

    def _place(self, function: str) -> str:
        where = self.inside.now
        if not where:
            return function
        kind = type(self._model.get_submodule(where)).__name__
        return f"{function} in {where} ({kind})"

    def _left(self, name: str, output: Any) -> None:
        """A module is done: its gradient will be looked at on the way back."""
        for tensor in _tensors(output):
            if tensor.requires_grad and name:
                tensor.register_hook(self._passing(name))

    def _passing(self, name: str) -> Any:
        def look(grad: torch.Tensor) -> None:
            if self._bad_gradient:
                return
            if bool(torch.isfinite(_values(grad)).all()):
                self._good.append(name)
            else:
                self._bad_gradient = name

        return look


def _is_bad(name: str, answer: Any, finite: bool) -> bool:
    """Whether a function made a NaN, or infinity of finite numbers where none belongs."""
    for tensor in _tensors(answer):
        if bool(torch.isnan(tensor).any()):
            return True
        if finite and not name.startswith(MASKS) and not bool(torch.isfinite(tensor).all()):
            return True
    return False


def _state(given: Any) -> tuple[bool, bool]:
    """Whether all inputs are finite, and whether they hold no NaN and there are any."""
    tensors = list(_tensors(given))
    finite = all(bool(torch.isfinite(one).all()) for one in tensors)
    return finite, bool(tensors) and (finite or not any(bool(torch.isnan(one).any()) for one in tensors))


def _name(func: Any) -> str:
    name: str = getattr(func, "__name__", str(func))
    return name.strip("_")


def _values(tensor: Any) -> torch.Tensor:
    dense: torch.Tensor = tensor.coalesce().values() if tensor.is_sparse else tensor
    return dense


def _tensors(thing: Any) -> Iterator[torch.Tensor]:
    """All floating-point tensors of nested values."""
    if isinstance(thing, torch.Tensor):
        if thing.is_floating_point() and not thing.is_sparse:
            yield thing
        return
    inside = thing.values() if isinstance(thing, Mapping) else thing
    if isinstance(inside, list | tuple) or isinstance(thing, Mapping):
        for one in inside:
            yield from _tensors(one)
