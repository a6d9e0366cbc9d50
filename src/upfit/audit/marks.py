"""Marks in pictures that give a class away: a stamp, a logo, a caption, at one spot in one colour."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from upfit.audit.finding import percent, some
from upfit.audit.subject import Subject
from upfit.values import Finding

ALIKE = 12
"""Levels (of 255) by which a colour may be off and still be the same."""
IN_CLASS, ELSEWHERE, FEWEST = 0.9, 0.02, 15


def marks(subject: Subject) -> tuple[Finding, ...]:
    """Classes of which nearly all pictures have one colour at one spot, that others have nowhere.

    A spot is a sixteenth of the picture's width and height. Marks that are see-through, move, or have a
    common colour are not found.
    """
    if subject.pictures is None or not subject.single_class:
        return ()
    colours, labels = subject.pictures.colours[subject.open_rows], np.asarray(subject.labels)
    told = []
    for index, name in enumerate(subject.data.schema.classes):
        mine = labels == index
        if mine.sum() < FEWEST or (~mine).sum() < FEWEST:
            continue
        if (spot := _spot(colours[mine], colours[~mine])) is not None:
            row, column = spot
            told.append(f"{name!r}, {percent((row + 0.5) / 16)} down, {percent((column + 0.5) / 16)} across")
    if not told:
        return ()
    message = (
        f"one spot of the picture alone tells {some(told, 3)}: a stamp, a mark or a background that gives "
        "the class away; crop it off, or have all classes photographed alike"
    )
    evidence = {"classes": float(len(told))}
    kind = "target_leakage"
    return (Finding(kind=kind, severity="warning", message=message, evidence=evidence, examples=tuple(told)),)


def _spot(inside: npt.NDArray[np.uint8], outside: npt.NDArray[np.uint8]) -> tuple[int, int] | None:
    """(row, column) of the spot that tells a class best, of 16 by 16; None where no spot does."""
    usual = np.median(inside, axis=0)
    here = _share(inside, usual)
    # Few spots are ever worth the look at all the other pictures.
    if not (here >= IN_CLASS).any():
        return None
    there = np.where(here >= IN_CLASS, _share(outside, usual), 1.0)
    best = np.unravel_index(int(np.argmin(there)), there.shape)
    # The hole of a nought is empty where other digits are not: what is found anywhere else is no mark.
    anywhere = float(_share(outside, usual[best]).mean())
    return (int(best[0]), int(best[1])) if max(there[best], anywhere) <= ELSEWHERE else None


def _share(pictures: npt.NDArray[np.uint8], usual: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(16, 16) share of the pictures with about that colour (one, or one a spot), a block at a time."""
    near = np.zeros(pictures.shape[1:3])
    for start in range(0, len(pictures), 2000):
        off = np.abs(pictures[start : start + 2000] - usual)
        near += (off <= ALIKE).all(-1).sum(0)
    return near / len(pictures)
