"""Functions that are called as modules run, for as long as a `with` lasts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import nn

Before = Callable[[nn.Module, tuple[Any, ...]], Any]
"""Called with the module and its inputs; what it returns, if anything, takes their place."""
After = Callable[[nn.Module, tuple[Any, ...], Any], Any]
"""Called with the module, its inputs and its output; what it returns takes the output's place."""


@contextmanager
def hooked(
    modules: Iterable[nn.Module], *, before: Before | None = None, after: After | None = None
) -> Iterator[None]:
    """Forward hooks on some modules, gone at the end whatever happens.

    Example:
        >>> from torch import zeros
        >>> net, seen = nn.Linear(3, 2), []
        >>> with hooked([net], after=lambda module, inputs, output: seen.append(tuple(output.shape))):
        ...     answer = net(zeros(4, 3))
        >>> seen
        [(4, 2)]
    """
    with ExitStack() as stack:
        for module in modules:
            if before is not None:
                stack.callback(module.register_forward_pre_hook(before).remove)
            if after is not None:
                stack.callback(module.register_forward_hook(after).remove)
        yield
