"""Numbers out of range: infinities, codes for "unknown" such as 999, values far beyond all others."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from upfit.audit.finding import of_rows, percent, some, times
from upfit.audit.subject import Subject
from upfit.data.cells import cells
from upfit.values import Action, Finding

FAR, FAR_IN_LOGS = 12.0, 6.0
"""Distances between the quartiles beyond them, of the numbers and of their logarithms. In logarithms a number
whose point slipped by three places is 96 times of 100 beyond six, and next to none of a real column is."""
_CODES = {-1, -9, -99, -999, -9999, 99, 999, 9999, 99999, 999999}


def ranges(subject: Subject) -> tuple[Finding, ...]:
    """What is odd about the numbers of each number column."""
    found = []
    for name in subject.data.schema.of_kind("number"):
        values = np.asarray(cells(subject.data, name).to_numpy(zero_copy_only=False), float)
        told = (check(subject, name, values) for check in (_infinite, _code, _negative, _far))
        found += [one for one in told if one]
    return tuple(found)


def _infinite(subject: Subject, name: str, values: npt.NDArray[np.float64]) -> Finding | None:
    rows = np.flatnonzero(np.isinf(values))
    if not len(rows):
        return None
    message = f"{name!r} is infinite in {times(len(rows), 'row')}"
    action = Action(do="normalise", column=name, to="winsorise", because="infinite values")
    return of_rows(subject, "non_finite", "error", message, rows=rows, actions=[action])


def _code(subject: Subject, name: str, values: npt.NDArray[np.float64]) -> Finding | None:
    """The greatest or least value, written 99 or -1, that comes back and stands apart: a code, no number."""
    finite = values[np.isfinite(values)]
    distinct, counts = np.unique(finite, return_counts=True)
    if len(distinct) < 10:
        return None
    for place, next_place in ((-1, -2), (0, 1)):
        value, gap = distinct[place], abs(distinct[place] - distinct[next_place])
        spread = float(np.ptp(distinct[:-1] if place == -1 else distinct[1:])) + 1e-12
        lonely = gap > 0.2 * spread or (value < 0 <= distinct[next_place])
        if value in _CODES and counts[place] >= 3 and lonely:
            rows = np.flatnonzero(values == value)
            share = percent(len(rows) / len(values))
            message = (
                f"{name!r} is {value:g} in {times(len(rows), 'row')} ({share}), far from all other values: "
                "probably a code or a cap"
            )
            action = Action(
                do="convert",
                column=name,
                values=(f"{value:g}",),
                to="missing",
                because="a code",
                doubtful=True,
            )  # a cap (the highest value that was written down) says a lot, and must not go
            return of_rows(subject, "out_of_range", "warning", message, rows=rows, actions=[action])
    return None


def _negative(subject: Subject, name: str, values: npt.NDArray[np.float64]) -> Finding | None:
    """A few numbers below nought, where all others are above and no tail leads down to them."""
    known = values[np.isfinite(values)]
    below, above = known[known < 0], known[known >= 0]
    if len(above) < 50 or not 0 < len(below) <= max(3, 0.01 * len(known)):
        return None
    one = len(np.unique(below)) == 1
    if one and below[0] in _CODES and len(below) >= 3:
        return None  # told of as a code
    gap, middle = float(above.min() - below.max()), float(np.subtract(*np.quantile(above, (0.75, 0.25))))
    if gap <= 0.5 * middle and not (one and len(below) >= 3):
        return None
    rows = np.flatnonzero(np.isfinite(values) & (values < 0))
    shown = sorted({f"{value:g}" for value in below})
    message = f"{name!r} is below nought in {times(len(rows), 'row')} ({some(shown, 3)}) and nowhere else"
    action = Action(
        do="convert", column=name, values=tuple(shown), to="missing", because="below nought", doubtful=True
    )
    return of_rows(subject, "out_of_range", "warning", message, rows=rows, actions=[action])


def _far(subject: Subject, name: str, values: npt.NDArray[np.float64]) -> Finding | None:
    """Single values far beyond the rest, on the scale (plain or logarithmic) that suits the column better."""
    finite = np.isfinite(values)
    if finite.sum() < 50:
        return None
    known = values[finite]
    # A column that is mostly one value has no spread to measure by.
    if np.quantile(known, 0.75) == np.quantile(known, 0.25):
        return None
    plain = _beyond(values, known)
    if (known > 0).all():
        with np.errstate(divide="ignore", invalid="ignore"):
            plain = np.minimum(plain, _beyond(np.log(values), np.log(known)) * FAR / FAR_IN_LOGS)
    else:
        signed = np.sign(values) * np.log1p(np.abs(values))
        plain = np.minimum(plain, _beyond(signed, signed[finite]) * FAR / FAR_IN_LOGS)
    far = np.flatnonzero(finite & (plain > FAR))
    if not len(far) or len(far) > max(3, 0.005 * len(values)):
        return None
    message = (
        f"{name!r} is far out of range in {times(len(far), 'row')}: "
        f"{', '.join(f'{values[row]:g}' for row in far[:3])}, where the middle half is "
        f"{np.quantile(known, 0.25):g} to {np.quantile(known, 0.75):g}"
    )
    action = Action(do="normalise", column=name, to="winsorise", because="values far beyond the rest")
    return of_rows(subject, "out_of_range", "warning", message, rows=far, scores=plain[far], actions=[action])


def _beyond(values: npt.NDArray[np.float64], known: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """How far outside the quartiles, in units of their distance."""
    low, high = np.quantile(known, (0.25, 0.75))
    return np.asarray(np.maximum(low - values, values - high) / max(high - low, 1e-12))
