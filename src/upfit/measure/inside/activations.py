"""See the activations of any model, whether they are modules or calls of functions, without changing it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import nn
from torch.overrides import TorchFunctionMode

KINDS: dict[Any, str] = {
    F.relu: "relu",
    torch.relu: "relu",
    torch.relu_: "relu",
    torch.Tensor.relu: "relu",
    torch.Tensor.relu_: "relu",
    F.relu6: "relu",
    torch.sigmoid: "sigmoid",
    torch.Tensor.sigmoid: "sigmoid",
    F.sigmoid: "sigmoid",
    torch.tanh: "tanh",
    torch.Tensor.tanh: "tanh",
    F.tanh: "tanh",
    torch.exp: "exp",
    torch.Tensor.exp: "exp",
    F.softmax: "softmax",
    torch.softmax: "softmax",
    torch.Tensor.softmax: "softmax",
    F.log_softmax: "log_softmax",
    torch.log_softmax: "log_softmax",
    F.leaky_relu: "leaky_relu",
    F.elu: "elu",
    F.selu: "selu",
    F.gelu: "gelu",
    F.silu: "silu",
    F.hardtanh: "hardtanh",
    F.hardtanh_: "hardtanh",
    F.hardsigmoid: "hardsigmoid",
    F.hardswish: "hardswish",
    F.mish: "mish",
    F.softplus: "softplus",
    F.celu: "celu",
    F.prelu: "prelu",
    F.glu: "glu",
}
SMOOTH = (
    "leaky_relu", "elu", "selu", "gelu", "silu", "hardswish", "mish", "softplus", "celu", "prelu",
    "glu",
)  # fmt: skip
"""Kinds that neither stop nor explode, by themselves."""
Seen = Callable[[str, str, torch.Tensor], None]


class Inside:
    """Within it, `now` is the name of the module whose forward pass is running ("" for the model itself).

    Args:
        model: Its modules get hooks, which are removed at the end.
        left: Called with the name of each module and its output when it is done.
    """

    def __init__(self, model: nn.Module, left: Callable[[str, Any], None] | None = None) -> None:
        self._model = model
        self._left = left
        self._names: list[str] = []
        self._handles: list[Any] = []

    @property
    def now(self) -> str:
        """Where the forward pass is."""
        return self._names[-1] if self._names else ""

    def __enter__(self) -> Inside:
        for name, module in self._model.named_modules():
            self._handles.append(module.register_forward_pre_hook(self._entering(name)))
            self._handles.append(module.register_forward_hook(self._leaving, always_call=True))
        return self

    def __exit__(self, *error: Any) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def _entering(self, name: str) -> Callable[[nn.Module, Any], None]:
        return lambda _module, _inputs: self._names.append(name)

    def _leaving(self, _module: nn.Module, _inputs: Any, output: Any) -> None:
        name = self._names.pop()
        if self._left is not None:
            self._left(name, output)


class InsideMode(TorchFunctionMode):
    """A mode that sees every function called within it, and knows the module that calls (`inside.now`).

    Args:
        model: Its modules are followed; the hooks are removed at the end.
        left: Called with the name and the output of each module that is done.
    """

    def __init__(self, model: nn.Module, left: Callable[[str, Any], None] | None = None) -> None:
        super().__init__()
        self.inside = Inside(model, left)

    def __enter__(self) -> Self:
        self.inside.__enter__()
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *error: Any) -> None:
        self.inside.__exit__(*error)
        super().__exit__(*error)  # type: ignore[no-untyped-call]


class Watching(InsideMode):
    """Within it, `seen(kind, name, output)` is called for each activation function that runs.

    `name` is the module that called it and a number: `block.2 relu 1`. Names are stable from pass to pass.
    """

    def __init__(self, model: nn.Module, seen: Seen) -> None:
        super().__init__(model)
        self._seen = seen
        self._counts: defaultdict[str, int] = defaultdict(int)

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        answer = func(*args, **(kwargs or {}))
        kind = KINDS.get(func)
        if kind is not None and isinstance(answer, torch.Tensor):
            where = self.inside.now
            self._counts[f"{where} {kind}"] += 1
            self._seen(kind, f"{where} {kind} {self._counts[f'{where} {kind}']}".strip(), answer.detach())
        return answer
