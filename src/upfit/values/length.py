"""Length: a stretch of a run, as a fraction of it or as so many steps or epochs."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

_TEXT = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*(step|epoch)s?\s*$")


def steps_of(length: float | str, *, total: int, per_epoch: int = 1) -> int:
    """A length in optimizer steps, to the nearest whole one.

    Args:
        length: A fraction of the run, or a text such as `"200 steps"` or `"1.5 epochs"`.
        total: Steps of the run.
        per_epoch: Steps of an epoch.

    Example:
        >>> [steps_of(length, total=500, per_epoch=7) for length in (0.1, "20 steps", "2 epochs")]
        [50, 20, 14]
    """
    if not isinstance(length, str):
        return round(length * total)
    number, unit = _parted(length)
    return round(number * per_epoch) if unit == "epoch" else round(number)


def _parted(text: str) -> tuple[float, str]:
    found = _TEXT.match(text)
    if found is None:
        raise ValueError("a length is a fraction of the run, or a text such as '200 steps' or '1.5 epochs'")
    return float(found[1]), found[2]


def _text_or_number(given: Any) -> Any:
    """Refuse a text that is no length, before the alternatives are tried and give their own complaints."""
    if isinstance(given, str):
        _parted(given)
        return " ".join(given.split())
    if isinstance(given, int | float) and given > 1:
        raise ValueError(
            f"a number is a fraction of the run; for so many steps or epochs write '{given} steps' or "
            f"'{given} epochs'"
        )
    return given


def _not_nothing(given: Any) -> Any:
    """Refuse `0 steps` where a length of nothing would have no end."""
    if isinstance(given, str) and not _parted(given)[0]:
        raise ValueError("a length above zero")
    return given


LengthBelowOne = Annotated[Annotated[float, Field(ge=0, lt=1)] | str, BeforeValidator(_text_or_number)]
"""A length that leaves something of the run: a fraction below 1, or steps or epochs."""
Length = Annotated[
    Annotated[float, Field(gt=0, le=1)] | str, BeforeValidator(_not_nothing), BeforeValidator(_text_or_number)
]
"""A length that is not nothing."""
