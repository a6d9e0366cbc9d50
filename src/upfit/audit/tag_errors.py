"""Likely errors where rows have several labels: each label is judged by itself, as given or not given.

Of 900 sentences with their words as labels, of which a tenth had lost one or gained a wrong one, a third of
those rows were found, and three of five labels that were named were wrong.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from upfit.audit.doubts import BECAUSE, FEWEST, doubts
from upfit.audit.finding import of_rows, percent, times
from upfit.audit.subject import Features, Subject
from upfit.values import Action, Finding
from upfit.values.shortened import shortened

MOST = 200
"""Labels that are looked at, the most frequent: each takes a fifth of a second a thousand rows."""


def tag_errors(subject: Subject, rows: npt.NDArray[np.int64], features_ND: Features) -> tuple[Finding, ...]:
    """Rows of train and validation that probably lack a label, or have one too many.

    Args:
        subject: With several labels a row.
        rows: Open rows that have features.
        features_ND: Theirs.

    Raises:
        MissingExtraError: cleanlab is not installed.
    """
    given_NK = subject.labels[np.searchsorted(subject.open_rows, rows)].astype(np.int64)
    odd_NK, odds_NK = doubted(features_ND, given_NK)
    places = np.flatnonzero(odd_NK.any(1))
    shown = [f"{subject.show(int(rows[k]))}: {_said(subject, odd_NK[k], given_NK[k])}" for k in places]
    if not len(places):
        return ()
    better_NK = np.where(odd_NK, 1 - given_NK, given_NK)
    # Where all labels of a row are odd, what is odd is the row: nobody proposes to leave it without any.
    sure = places[better_NK[places].any(1)]
    share = len(places) / len(rows)
    message = (
        f"{times(len(places), 'row')} ({percent(share)} of {len(rows):,}) with a label that similar rows "
        "lack, or without one that they have: some will be wrong, others rare or hard"
    )
    return (
        of_rows(
            subject,
            "label_errors",
            "warning",
            message,
            rows=rows[places],
            scores=1 - odds_NK[places].min(1),
            examples=shown,
            actions=_relabel(subject, rows[sure], better_NK[sure]) if len(sure) else [],
            share=share,
        ),
    )


def doubted(
    features_ND: Features, given_NK: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64]]:
    """(N, K) which labels are odd as they are given or not, and (N, K) the odds of what is said, at most 0.5.

    Args:
        features_ND: (N, D).
        given_NK: (N, K) 0 and 1.
    """
    odd_NK, odds_NK = np.zeros(given_NK.shape, bool), np.full(given_NK.shape, 0.5)
    counts = given_NK.sum(0)
    known = np.flatnonzero(np.minimum(counts, len(given_NK) - counts) >= FEWEST)
    for label in known[np.argsort(-counts[known], kind="stable")][:MOST]:
        odds, _, wrong, odd = doubts(features_ND, given_NK[:, label])
        odd_NK[:, label], odds_NK[:, label] = wrong | odd, odds
    return odd_NK, odds_NK


def _said(subject: Subject, odd_K: npt.NDArray[np.bool_], given_K: npt.NDArray[np.int64]) -> str:
    names = subject.data.schema.classes
    words = [
        f"rather {'without' if given_K[label] else 'with'} {shortened(str(names[label]))}"
        for label in np.flatnonzero(odd_K)
    ]
    return ", ".join(words)


def _relabel(subject: Subject, rows: npt.NDArray[np.int64], better_NK: npt.NDArray[np.int64]) -> list[Action]:
    """The lists that similar rows have; or one action a column, where labels are columns of 0 and 1."""
    schema = subject.data.schema
    numbers = tuple(rows.tolist())
    if len(schema.target) == 1:
        lists = [[schema.classes[label] for label in np.flatnonzero(row)] for row in better_NK]
        columns = {schema.target[0]: lists}
    else:
        columns = {name: better_NK[:, place].tolist() for place, name in enumerate(schema.target)}
    return [
        Action(do="relabel", column=name, rows=numbers, to=to, because=BECAUSE, doubtful=True)
        for name, to in columns.items()
    ]
