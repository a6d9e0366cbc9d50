"""A group of wrong rows as a finding, the worst row first."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from upfit.audit.finding import of_rows
from upfit.diagnose.mistakes.judged import Judged
from upfit.values import Finding


def worst(judged: Judged, mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Places of the mask, the largest loss first."""
    places = np.flatnonzero(mask)
    return np.asarray(places[np.argsort(-judged.losses[places], kind="stable")])


def finding_of(judged: Judged, kind: str, message: str, places: npt.NDArray[np.int64]) -> Finding:
    """The group with its rows, examples and share of validation; it counts as information."""
    return of_rows(
        judged.subject,
        kind,
        "info",
        message,
        rows=judged.rows[places],
        scores=judged.losses[places],
        examples=[judged.named(int(place)) for place in places],
        share=len(places) / len(judged.rows),
    )
