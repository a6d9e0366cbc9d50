"""Order effects: rows that stand side by side resemble each other more than their class explains."""

from __future__ import annotations

import numpy as np

from upfit.audit.finding import percent
from upfit.audit.neighbours import nearest
from upfit.audit.subject import Subject
from upfit.values import Finding

CLOSE = 2
"""Places apart, within the class."""
NOTABLE, RATIO = 0.1, 5.0
MOST_ROWS = 8000


def order(subject: Subject) -> tuple[Finding, ...]:
    """Whether the nearest neighbours of a row stand next to it: one source, one session, one film."""
    if subject.features_ED is None or subject.data.schema.modality == "table" or subject.data.schema.group:
        return ()
    inside = np.flatnonzero(subject.part_of[subject.embedded] == "train")[:MOST_ROWS]
    if len(inside) < 200:
        return ()
    groups = subject.classes_of_rows[subject.embedded[inside]]
    close, expected = _closeness(subject.unit_features_ED[inside], groups)
    if close < NOTABLE or close < RATIO * expected:
        return ()
    message = (
        f"{percent(close)} of rows have their nearest neighbour right beside them in the file, where chance "
        f"gives {percent(expected)}: rows may come in series (one source, one session); a random split puts "
        "parts of a series on both sides; --group COLUMN keeps them together"
    )
    return (
        Finding(
            kind="order_effects",
            severity="warning",
            message=message,
            evidence={"close": close, "expected": expected},
        ),
    )


def _closeness(unit_ND: np.ndarray, groups: np.ndarray) -> tuple[float, float]:
    """Shares of rows whose nearest neighbour in their class stands within two places: observed, by chance."""
    hits = asked = 0
    chance = 0.0
    for group in np.unique(groups):
        places = np.flatnonzero(groups == group)
        if len(places) < 20:
            continue
        found = nearest(unit_ND[places], 1)[0].ravel()
        hits += int((np.abs(found - np.arange(len(places))) <= CLOSE).sum())
        asked += len(places)
        chance += 2.0 * CLOSE
    return (hits / asked, chance / asked) if asked else (0.0, 0.0)
