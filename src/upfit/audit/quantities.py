"""Numbers as people write them: "1,200 EUR", "1.5 kg", "3,50"; units of one dimension become one unit."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from upfit.audit.understood import are_mostly

_GAP = r"[ \u00a0\u202f]"
_UNIT = r"[$€£¥₹]|(?:[A-Za-zµμ°%]{1,9}[²³]?\.?(?:/[A-Za-z]{1,6}[²³]?)?)"
_QUANTITY = re.compile(
    rf"^\s*(?P<before>[$€£¥₹]|[A-Z]{{3}})?{_GAP}?"
    rf"(?P<number>[+-]?(?:\d{{1,3}}(?:[,.' \u00a0\u202f]\d{{3}})+|\d+)?(?:[.,]\d+)?)(?<=\d)"
    rf"(?:{_GAP}?(?P<after>{_UNIT}))?\s*$"
)
_SAME = {
    "$": "usd",
    "€": "eur",
    "£": "gbp",
    "¥": "jpy",
    "₹": "inr",
    "μg": "µg",
    "hr": "h",
    "hrs": "h",
    "sec": "s",
}
_SAME |= {
    "kgs": "kg",
    "lbs": "lb",
    "gr": "g",
    "mins": "min",
    "hours": "h",
    "days": "d",
    "day": "d",
    "hour": "h",
}
_DIMENSIONS: tuple[dict[str, float], ...] = (
    {"µg": 1e-9, "mg": 1e-6, "g": 1e-3, "kg": 1.0, "lb": 0.45359237, "oz": 0.028349523125},
    {"mm": 1e-3, "cm": 1e-2, "dm": 0.1, "m": 1.0, "km": 1e3, "in": 0.0254, "ft": 0.3048, "mi": 1609.344},
    {"ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0},
    {"ml": 1e-3, "cl": 1e-2, "dl": 0.1, "l": 1.0},
    {"b": 1.0, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12},
)


@dataclass(frozen=True, eq=False)
class Quantities:
    """What cells say as numbers.

    Args:
        values: (N,) numbers in `unit`; NaN for what is none.
        unit: The unit that most have; "" for bare numbers.
        units: How often each unit stands there.
        commas: Cells whose comma is a decimal mark.
        points: Cells whose point is one.
        sure: Whether every unit could be turned into `unit`, and every mark could mean one thing only.
    """

    values: npt.NDArray[np.float64]
    unit: str
    units: Counter[str]
    commas: int
    points: int
    sure: bool


def quantities(cells: Sequence[str | None], *, least: float = 0.95) -> Quantities | None:
    """Read cells as numbers with units.

    Args:
        cells: Texts; None where missing.
        least: Share of the cells that have to be numbers.

    Returns:
        None where fewer are numbers, or where they have units that nothing joins.

    >>> found = quantities(["1.5 kg", "750 g", "2 kg", "1,250 g", None])
    >>> found.values.tolist(), found.unit
    ([1.5, 0.75, 2.0, 1.25, nan], 'kg')
    >>> quantities(["3,50", "12,25", "1.200,00"]).values.tolist()
    [3.5, 12.25, 1200.0]
    >>> quantities(["3A", "4B", "7C"]) is None
    True
    """
    parsed = [_QUANTITY.match(cell) if cell else None for cell in cells]
    if not are_mostly(parsed, cells, least=least):
        return None
    units = [_unit(one) if one else None for one in parsed]
    counted = Counter(unit for unit in units if unit is not None)
    unit, factors = _factors(counted)
    if factors is None:
        return None
    written = [one["number"] if one else None for one in parsed]
    commas, points = sum(map(_comma, written)), sum(map(_point, written))
    decimal = "," if commas > points else "."
    read = [_number(one, decimal) for one in written]
    scale = [factors[one] if one is not None else 1.0 for one in units]
    values = np.array(read, float) * np.array(scale, float)
    marked = bool(commas) != bool(points) or not any(map(_open, written))
    sure = marked and all(one == unit or one in _dimension(unit) for one in counted)
    return Quantities(values, unit, counted, commas, points, sure)


def _unit(match: re.Match[str]) -> str:
    written = (match["after"] or match["before"] or "").rstrip(".")
    lower = written.lower()
    return _SAME.get(lower, lower)


def _dimension(unit: str) -> dict[str, float]:
    return next((one for one in _DIMENSIONS if unit in one), {})


def _factors(counted: Counter[str]) -> tuple[str, dict[str, float] | None]:
    """The unit to write in, and what each one is in it; bare numbers are taken to be in that unit too."""
    named = Counter({unit: count for unit, count in counted.items() if unit})
    if not named:
        return "", {"": 1.0}
    unit = named.most_common(1)[0][0]
    if len(named) == 1:
        return unit, {unit: 1.0, "": 1.0}
    known = _dimension(unit)
    if not set(named) <= set(known):
        return unit, None
    return unit, {one: known[one] / known[unit] for one in named} | {"": 1.0}


def _comma(number: str | None) -> bool:
    """Whether a comma can only be a decimal mark here."""
    return bool(number) and bool(re.search(r",(?:\d{1,2}|\d{4,})$", number or ""))


def _point(number: str | None) -> bool:
    """Whether a point can only be a decimal mark here."""
    return bool(number) and bool(re.search(r"\.(?:\d{1,2}|\d{4,})$|^[+-]?0?\.\d|,\d{3}\.\d", number or ""))


def _open(number: str | None) -> bool:
    """Whether a number like 1.234 may be one or a thousand and some."""
    return bool(number) and bool(re.search(r"^[+-]?[1-9]\d{0,2}\.\d{3}$|,\d{1,2}$", number or ""))


def _number(written: str | None, decimal: str) -> float:
    """A number, its last mark read by what it can only mean, else as the column's."""
    if written is None:
        return np.nan
    plain = re.sub(r"[' \u00a0\u202f]", "", written)
    mark = "," if _comma(plain) else "." if _point(plain) else decimal
    other = "." if mark == "," else ","
    plain = plain.replace(other, "")
    if plain.count(mark) > 1:  # 1.200.000: no decimal mark at all
        plain = plain.replace(mark, "")
    return float(plain.replace(mark, "."))
