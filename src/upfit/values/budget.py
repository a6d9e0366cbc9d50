"""Budgets of wall-clock time: "90s", "10m", "1h30m" or a number of seconds."""

from __future__ import annotations

import math
import re

from upfit.errors import RecipeError

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0}
_PIECE = re.compile(r"(\d+(?:\.\d+)?)\s*([hms])")
_PIECES = re.compile(rf"(?:{_PIECE.pattern}\s*)+")
EXPECTED = "a time above zero: 90s, 10m, 1h, 1h30m, or a number of seconds"


def seconds(budget: str | float) -> float:
    """The budget in seconds.

    Args:
        budget: A number of seconds, or a text with the units h, m and s.

    Returns:
        Seconds, finite and above zero.

    Raises:
        RecipeError: When it is neither, or not above zero.

    >>> seconds("10m"), seconds("1h30m"), seconds(45)
    (600.0, 5400.0, 45.0)
    """
    value = math.nan if isinstance(budget, bool) else _parse(budget)
    if not (math.isfinite(value) and value > 0):
        raise RecipeError(
            f"the budget {budget!r} is not a usable time",
            expected=EXPECTED,
            got=str(budget) or "nothing",
            hint="--budget 10m",
        )
    return value


def _parse(budget: str | float) -> float:
    """Seconds, or NaN for what is not a time."""
    text = str(budget).strip().lower()
    if _PIECES.fullmatch(text):
        return sum(float(count) * _UNITS[unit] for count, unit in _PIECE.findall(text))
    try:
        return float(text)
    except ValueError:
        return math.nan
