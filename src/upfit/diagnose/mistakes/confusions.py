"""Which classes are taken for which others, and what may tell them apart."""

from __future__ import annotations

from collections import Counter

import numpy as np
import numpy.typing as npt

from upfit.audit.finding import some
from upfit.diagnose.mistakes.group import finding_of, worst
from upfit.diagnose.mistakes.judged import Judged
from upfit.diagnose.mistakes.proposals import collect_classes, heavier_class
from upfit.values import Action, Finding

Mask = npt.NDArray[np.bool_]

MANY = 5
"""Rows that fit two classes, from which on making them one is worth a thought."""
LOPSIDED = 3
"""How many times more often than the other way round a class is mistaken, for its weight to be to blame."""


def pairs(judged: Judged) -> tuple[Finding, ...]:
    """The confusions that make up most errors."""
    if not judged.subject.single_class or judged.wrong.sum() < 5:
        return ()
    named = named_pairs(judged, judged.wrong)
    places = worst(judged, judged.wrong)
    message = f"most errors: {some(named, 4)}"
    found = finding_of(judged, "confusions", message, places)
    counts = _confused(judged, judged.wrong)
    (first, second), there = next(iter(counts.items()))
    name, other = (judged.subject.data.schema.classes[one] for one in (first, second))
    cures = heavier_class(judged, name, f"it is called {other}, and hardly the other way round")
    wish = collect_classes(judged, [name, other], "examples that show the difference")
    lopsided = there >= LOPSIDED * max(1, counts[second, first])
    return (
        found.replace(
            examples=tuple(named[:12]),
            cures=cures if lopsided else (),
            actions=(wish,),
        ),
    )


def merges(judged: Judged, mask: Mask) -> tuple[Action, ...]:
    """Two classes made one, where many rows fit both, in both directions."""
    schema = judged.subject.data.schema
    counts = _confused(judged, mask)
    for (first, second), there in counts.items():
        if first > second or len(schema.classes) < 3:
            continue
        back = counts[second, first]
        if min(there, back) >= 2 and there + back >= MANY:
            name, other = schema.classes[first], schema.classes[second]
            because = f"{there + back} validation rows fit both"
            return (
                Action(
                    do="merge",
                    column=schema.target[0],
                    values=(name,),
                    to=other,
                    because=because,
                    doubtful=True,
                ),
            )
    return ()


def _confused(judged: Judged, mask: Mask) -> Counter[tuple[int, int]]:
    """How often one class, true, is said to be another; the most frequent first."""
    said = judged.predictions.scores.argmax(1)
    pairs_2P = np.stack([judged.predictions.targets[mask], said[mask]])
    found, counts = np.unique(pairs_2P, axis=1, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return Counter({(int(found[0, k]), int(found[1, k])): int(counts[k]) for k in order})


def named_pairs(judged: Judged, mask: Mask) -> list[str]:
    """Confused pairs in words, the most frequent first."""
    classes, targets = judged.subject.data.schema.classes, judged.predictions.targets
    return [
        f"{classes[true]} called {classes[said]} ({count} of {(targets == true).sum()})"
        for (true, said), count in _confused(judged, mask).items()
    ]
