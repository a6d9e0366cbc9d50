"""What a decision may say about these data: which rows there are, and what they can be relabelled to."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from upfit.audit.subject import Subject
from upfit.errors import InputError, nearest
from upfit.values import Data
from upfit.values.corrections import Correction
from upfit.values.shortened import shortened


@dataclass(frozen=True, eq=False)
class Permitted:
    """Rows and labels of the data under review.

    Args:
        data: What is reviewed.
    """

    data: Data

    @property
    def relabels(self) -> Literal["class", "number", "several"]:
        """What a row can be relabelled to."""
        if Subject(self.data).single_class:
            return "class"
        return "number" if self.data.schema.task == "regression" else "several"

    def require(self, one: Correction) -> None:
        """Refuse a decision, of whatever file, that these data cannot follow.

        Raises:
            InputError: It is about no row, or relabels to what no row can have.
        """
        last = len(self.data) - 1
        if one.row > last:
            raise InputError(f"there is no row {one.row}", expected=f"a row from 0 to {last}")
        if one.do == "relabel":
            self.label(one.to)

    def label(self, to: Any) -> Any:
        """A new label as the data have it.

        Raises:
            InputError: No row can have it.
        """
        if self.relabels == "class":
            return self._class(to)
        if self.relabels == "several":
            if not isinstance(to, list | tuple):
                raise InputError(f"{to!r} is no list of classes", expected='for instance ["a", "b"]')
            named = {self._class(one) for one in to}
            return tuple(one for one in self.data.schema.classes if one in named)
        if isinstance(to, bool) or not isinstance(to, int | float) or not math.isfinite(to):
            raise InputError(f"{to!r} is no number")
        return float(to)

    def _class(self, to: Any) -> Any:
        classes = self.data.schema.classes
        if to in classes:
            return to
        guess = nearest(str(to), classes)
        raise InputError(
            f"there is no class {to!r}",
            expected=shortened(", ".join(classes), 200),
            hint=f"did you mean {guess!r}?" if guess else "",
        )
