"""Change: one edit of a recipe, and why."""

from __future__ import annotations

import shlex
from typing import Any

from upfit.values.base import Value
from upfit.values.inline import inline


class Change(Value):
    """Set the field at `path` of a recipe to `to`.

    Args:
        path: Dotted path, techniques by name: `optimizer.lr`, `techniques.ema.decay`.
        to: The new value.
        because: The reason, for the report.

    >>> Change(path="optimizer.lr", to=1e-4, because="the loss oscillates")
    Change(path='optimizer.lr', to=0.0001, because='the loss oscillates')
    """

    path: str
    to: Any
    because: str = ""

    @property
    def flag(self) -> str:
        """The change as a flag of the command line, quoted for a shell.

        >>> Change(path="loss.class_weights", to={"a cat": 2.0}).flag
        "--set 'loss.class_weights={a cat: 2.0}'"
        """
        return f"--set {shlex.quote(f'{self.path}={inline(self.to)}')}"
