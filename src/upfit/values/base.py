"""The base of every small value: frozen, strict, comparable, hashable, and rebuilt by its repr."""

from __future__ import annotations

import re
import reprlib
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from upfit.errors import RecipeError, nearest

_BRIEF = reprlib.Repr()
"""Writes out what came, however much that was: a few items of a list, both ends of a long text."""
_BRIEF.maxlevel, _BRIEF.maxlist, _BRIEF.maxtuple, _BRIEF.maxdict = 3, 6, 6, 6
_BRIEF.maxstring = _BRIEF.maxother = 160


class Value(BaseModel):
    """A frozen record. Unknown fields and values out of range raise `RecipeError`."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    def __init__(self, **fields: Any) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise RecipeError(explain(type(self), error)) from None
        for name, given in fields.items():
            # YAML reads `yes` and `on` as True, and pydantic True as 1: a rate of 1 that nobody wrote.
            if isinstance(given, bool) and type(getattr(self, name, given)) in (int, float):
                raise RecipeError(f"{type(self).__name__}.{name}: input should be a number; got {given}")

    def __hash__(self) -> int:
        return hash((type(self).__name__, _frozen(self.model_dump())))

    def replace(self, **fields: Any) -> Self:
        """A copy with some fields changed, checked again."""
        kept = {name: getattr(self, name) for name in type(self).model_fields}
        return type(self)(**{**kept, **fields})


def explain(kind: type[BaseModel], error: ValidationError) -> str:
    """The first fault of a validation error, with the right name suggested."""
    fault = error.errors()[0]
    where = ".".join(str(part) for part in fault["loc"] if not _is_union_tag(part))
    if fault["type"] == "extra_forbidden":
        name = str(fault["loc"][-1])
        guess = nearest(name, kind.model_fields)
        known = ", ".join(kind.model_fields)
        meant = f"; did you mean {guess!r}?" if guess else ""
        return f"{kind.__name__} has no field {name!r}{meant} (it has: {known})"
    message = fault["msg"].removeprefix("Value error, ").replace("valid tuple", "list")
    message = re.sub("a valid dictionary( or instance of [A-Z][A-Za-z]*)?", "a mapping", message)
    message = message[0].lower() + message[1:]
    given = fault["input"]
    guess = nearest(given, _choices(fault)) if isinstance(given, str) else ""
    meant = f"; did you mean {guess!r}?" if guess else ""
    place = f"{kind.__name__}.{where}" if where else kind.__name__
    return f"{place}: {message}; got {_BRIEF.repr(given)}{meant}"


def _choices(fault: Any) -> list[str]:
    """The words that a field takes, as far as the fault tells."""
    return re.findall(r"'([^']+)'", fault["ctx"]["expected"]) if fault["type"] == "literal_error" else []


def _is_union_tag(part: int | str) -> bool:
    """Pydantic puts the union member it tried into the path; the user never wrote it."""
    if not isinstance(part, str):
        return False
    return part in {"int", "float", "str", "bool"} or part.startswith("constrained-") or "[" in part


def _frozen(value: Any) -> Any:
    """Nested plain values as something hashable; 1 and 1.0, which are equal, hash alike."""
    if isinstance(value, dict):
        return frozenset((name, _frozen(item)) for name, item in value.items())
    if isinstance(value, list | tuple):
        return tuple(_frozen(item) for item in value)
    return value
