"""Images that show nothing: blank, nearly black or white, or blurred beyond the rest."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from upfit.audit.finding import Severity, drop, of_rows, percent, times
from upfit.audit.subject import Subject
from upfit.values import Finding

BLANK_CONTRAST = 0.008
DARK, BRIGHT = 0.06, 0.97
FAR = 5.0
"""Robust deviations from the median, on a logarithmic scale."""


def image_quality(subject: Subject) -> tuple[Finding, ...]:
    """Blank, dark, overexposed and blurred images; what most are like is the nature of the data."""
    pictures = subject.pictures
    if pictures is None:
        return ()
    blank = pictures.contrast < BLANK_CONTRAST
    faint = pictures.contrast < np.median(pictures.contrast) / 2
    dark = ~blank & faint & (pictures.light < DARK)
    bright = ~blank & faint & (pictures.light > BRIGHT)
    blurred = ~blank & ~dark & ~bright & _blurred(pictures.sharpness)
    found = [
        _finding(subject, "blank_images", "of one colour", blank, 1 - pictures.contrast, drops=True),
        _finding(subject, "dark_images", "nearly black", dark, 1 - pictures.light),
        _finding(subject, "bright_images", "nearly white", bright, pictures.light),
        _finding(subject, "blurred_images", "far more blurred than the rest", blurred, -pictures.sharpness),
    ]
    return tuple(one for one in found if one is not None)


def _blurred(sharpness: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """Far below the median, and less than a third of it."""
    logs = np.log(np.maximum(sharpness, 1e-6))
    middle = float(np.median(logs))
    spread = 1.4826 * float(np.median(np.abs(logs - middle))) + 1e-9
    return np.asarray((logs < middle - FAR * spread) & (logs < middle - np.log(3)))


def _finding(
    subject: Subject,
    kind: str,
    words: str,
    mask: npt.NDArray[np.bool_],
    scores: npt.NDArray[np.float32],
    *,
    drops: bool = False,
) -> Finding | None:
    rows = np.flatnonzero(mask)
    # What a tenth of all images is like is how these images are.
    if not len(rows) or len(rows) > 0.1 * len(mask):
        return None
    message = f"{times(len(rows), 'image is', 'images are')} {words} ({percent(float(mask.mean()))})"
    actions = [drop(rows, f"{words}: nothing to be learnt")] if drops else []
    severity: Severity = "warning" if drops else "info"
    return of_rows(
        subject,
        kind,
        severity,
        message,
        rows=rows,
        scores=scores[rows],
        actions=actions,
    )
