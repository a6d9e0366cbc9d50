"""Dates as people write them: 2024-01-31, 31/01/2024, 31.01.24, 31 Jan 2024."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from upfit.audit.understood import are_mostly

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = r"(?P<name>[A-Za-z]{3,9})\.?"
_TIME = r"(?:[T ,]+\d{1,2}:\d{2}.*)?"
_WRITINGS = {
    "2024-01-31": r"(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})",
    "2024/01/31": r"(?P<y>\d{4})/(?P<m>\d{1,2})/(?P<d>\d{1,2})",
    "2024.01.31": r"(?P<y>\d{4})\.(?P<m>\d{1,2})\.(?P<d>\d{1,2})",
    "31/01/2024": r"(?P<a>\d{1,2})/(?P<b>\d{1,2})/(?P<y>\d{4})",
    "31.01.2024": r"(?P<a>\d{1,2})\.(?P<b>\d{1,2})\.(?P<y>\d{4})",
    "31-01-2024": r"(?P<a>\d{1,2})-(?P<b>\d{1,2})-(?P<y>\d{4})",
    "31/01/24": r"(?P<a>\d{1,2})/(?P<b>\d{1,2})/(?P<y>\d{2})",
    "31.01.24": r"(?P<a>\d{1,2})\.(?P<b>\d{1,2})\.(?P<y>\d{2})",
    "31-01-24": r"(?P<a>\d{1,2})-(?P<b>\d{1,2})-(?P<y>\d{2})",
    "31 Jan 2024": rf"(?P<d>\d{{1,2}})[ -]{_MONTH}[ -](?P<y>\d{{4}})",
    "Jan 31, 2024": rf"{_MONTH} (?P<d>\d{{1,2}}),? (?P<y>\d{{4}})",
}
CENTURY = 69
"""Years of two digits from here on are of the last century, as in POSIX."""
_PATTERNS = {name: re.compile(rf"^\s*{one}{_TIME}\s*$") for name, one in _WRITINGS.items()}


@dataclass(frozen=True, eq=False)
class Dates:
    """What cells say as dates.

    Args:
        values: (N) dates as 2024-01-31; None for what is none.
        writings: How often each way of writing stands there.
        sure: Whether it shows which of two numbers is the day, and is the same throughout.
    """

    values: list[str | None]
    writings: Counter[str]
    sure: bool


def dates(cells: Sequence[str | None], *, least: float = 0.95) -> Dates | None:
    """Read cells as dates.

    Args:
        cells: Texts; None where missing.
        least: Share of the cells that have to be dates.

    Returns:
        None where fewer are dates.

    >>> found = dates(["2024-01-31", "31/01/2024", "5/2/2024", None])
    >>> found.values, found.sure
    (['2024-01-31', '2024-01-31', '2024-02-05', None], True)
    >>> dates(["31.01.24", "5.2.98"]).values
    ['2024-01-31', '1998-02-05']
    """
    matched = [_matched(cell) for cell in cells]
    if not are_mostly(matched, cells, least=least):
        return None
    open_ = [one[1] for one in matched if one and "a" in one[1].groupdict()]
    firsts = sum(int(one["a"]) > 12 for one in open_)
    seconds = sum(int(one["b"]) > 12 for one in open_)
    day_first = firsts >= seconds
    values = [_written(one[1], day_first) if one else None for one in matched]
    # 10.11.12 may begin with its year.
    short = any(one and len(one[1]["y"]) == 2 for one in matched)
    sure = not short and (not open_ or bool(firsts) != bool(seconds))
    return Dates(values, Counter(one[0] for one in matched if one), sure)


def _matched(cell: str | None) -> tuple[str, re.Match[str]] | None:
    for name, pattern in _PATTERNS.items() if cell and cell[:40].strip() else ():
        found = pattern.match(cell or "")
        if found and ("name" not in found.groupdict() or found["name"][:3].lower() in _MONTHS):
            return name, found
    return None


def _written(match: re.Match[str], day_first: bool) -> str | None:
    """2024-01-31; None for a day that there is not."""
    groups = match.groupdict()
    if "a" in groups:
        day, month = (groups["a"], groups["b"]) if day_first else (groups["b"], groups["a"])
    else:
        day = groups["d"]
        month = groups.get("m") or str(_MONTHS.index(groups["name"][:3].lower()) + 1)
    try:
        return date(_year(groups["y"]), int(month), int(day)).isoformat()
    except ValueError:
        return None


def _year(written: str) -> int:
    year = int(written)
    return year if len(written) > 2 else year + (1900 if year >= CENTURY else 2000)
