"""Suspects: the rows to look at, each with the reasons why, from the audit and from a run's errors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from upfit.audit.conflicts import conflicts
from upfit.audit.duplicates import duplicates
from upfit.audit.label_errors import label_errors
from upfit.audit.leaks import leaks
from upfit.audit.near_duplicates import groups_of, pairs_of
from upfit.audit.outliers import outliers
from upfit.audit.subject import Subject
from upfit.diagnose.mistakes.judged import Judged
from upfit.diagnose.mistakes.kinds import groups
from upfit.errors import MissingExtraError
from upfit.review.reasons import Reason, Suspect, gathered
from upfit.values import Finding, Predictions
from upfit.values.shortened import shortened

MOST_LIKE = 4
"""Rows shown beside a copy."""
WORST = 200
"""Rows with the largest losses, where no answer is plainly wrong (regression)."""

Found = list[tuple[int, Reason]]


def suspects_of(
    subject: Subject,
    predictions: Predictions | None = None,
    *,
    noted: Callable[[str], None] = lambda text: None,
) -> tuple[Suspect, ...]:
    """Rows of train and validation that something speaks against; a sealed test part is left alone.

    Args:
        subject: The data, with features.
        predictions: What a run said about validation.
        noted: Told what is looked for, and what cannot be.
    """
    found: Found = []
    for name, look in (
        ("label errors", _labels),
        ("conflicting labels", _conflicts),
        ("copies of what judges", _leaks),
        ("duplicates", _duplicates),
        ("near duplicates", _near_duplicates),
        ("outliers", _outliers),
    ):
        noted(f"looking for {name}")
        try:
            found += look(subject)
        except MissingExtraError as error:
            noted(f"not looked for: {error.message}; pip install 'upfit[data]'")
    if predictions is not None and len(predictions.rows):
        found += _errors(Judged(subject, predictions))
    return gathered(found, open_rows=subject.open_rows.tolist())


def _scored(finding: Finding) -> Iterable[tuple[int, float]]:
    scores = finding.scores or (0.0,) * len(finding.rows)
    return zip(finding.rows, scores, strict=True)


def _labels(subject: Subject) -> Found:
    found: Found = []
    for finding in label_errors(subject):
        better: dict[int, Any] = {}
        # Where labels are columns of 0 and 1 there is an action for each of them, and none for a row.
        for action in finding.actions if len(finding.actions) == 1 else ():
            better |= dict(zip(action.rows, action.to, strict=True))
        for row, score in _scored(finding):
            to = better.get(row)
            named = ", ".join(to) if isinstance(to, list) else str(to)
            note = f"looks like {shortened(named)}" if to else "unlike what similar rows have"
            grave = {"error": 2.0, "warning": 1.0}.get(finding.severity, 0.0) + min(score, 0.999999)
            found.append((row, Reason("label", note, grave, to if isinstance(to, str) else None)))
    return found


def _conflicts(subject: Subject) -> Found:
    rows = [row for finding in conflicts(subject) for row in finding.rows]
    alike = _same(subject, rows)
    return [
        (row, Reason("conflict", "the same input has another label too", like=alike[row])) for row in rows
    ]


def _leaks(subject: Subject) -> Found:
    found: Found = []
    for finding in leaks(subject):
        for action in finding.actions:
            found += [(row, Reason("leak", action.because)) for row in action.rows]
    return found


def _duplicates(subject: Subject) -> Found:
    rows = [row for finding in duplicates(subject) for row in finding.rows]
    alike = _same(subject, rows)
    return [(row, Reason("duplicate", "an exact copy", 1.0, like=alike[row])) for row in rows]


def _same(subject: Subject, rows: list[int]) -> dict[int, tuple[int, ...]]:
    """For each row the first few others with the same inputs."""
    if not rows:
        return {}
    codes = np.unique(subject.keys, return_inverse=True)[1]
    wanted = set(codes[rows].tolist())
    members: dict[int, list[int]] = defaultdict(list)
    for row in np.flatnonzero(np.isin(codes, list(wanted))).tolist():
        if len(members[int(codes[row])]) <= MOST_LIKE:
            members[int(codes[row])].append(row)
    return {row: tuple(one for one in members[int(codes[row])] if one != row)[:MOST_LIKE] for row in rows}


def _near_duplicates(subject: Subject) -> Found:
    """All but the first row of each group of one part."""
    pairs = pairs_of(subject)
    if not len(pairs):
        return []
    parts = subject.part_of[pairs]
    pairs = pairs[parts[:, 0] == parts[:, 1]]
    group = groups_of(pairs, len(subject.data)) if len(pairs) else np.empty(0, np.int64)
    members: dict[int, list[int]] = defaultdict(list)
    for row in np.unique(pairs).tolist():
        members[int(group[row])].append(row)
    return [
        (row, Reason("duplicate", "nearly the same as another row", like=tuple(rows[:place][:MOST_LIKE])))
        for rows in members.values()
        for place, row in enumerate(rows)
        if place
    ]


def _outliers(subject: Subject) -> Found:
    return [
        (row, Reason("outlier", "far from the rest of its class", score))
        for finding in outliers(subject)
        for row, score in _scored(finding)
    ]


def _errors(judged: Judged) -> Found:
    """What the run got wrong on validation, the largest loss first."""
    places = np.flatnonzero(judged.wrong)
    if not judged.subject.single_class:
        worst = places[np.argsort(-judged.losses[places], kind="stable")][:WORST]
        said = judged.predictions.scores
        return [
            (int(judged.rows[k]), Reason("error", _said(judged, said[k]), float(judged.losses[k])))
            for k in worst
        ]
    noise, ambiguous = groups(judged.predictions.scores, judged.predictions.targets)
    classes = judged.subject.data.schema.classes
    found: Found = []
    for k in places.tolist():
        scores = judged.predictions.scores[k]
        best = int(scores.argmax())
        why = "the label may be wrong" if noise[k] else "two classes seem to fit" if ambiguous[k] else "hard"
        note = f"the model says {shortened(classes[best])} ({scores[best]:.2f}): {why}"
        found.append((int(judged.rows[k]), Reason("error", note, float(judged.losses[k]), classes[best])))
    return found


def _said(judged: Judged, scores: Any) -> str:
    schema = judged.subject.data.schema
    if schema.task == "regression":
        return f"the model says {float(scores[0]):.4g}"
    named = [name for name, score in zip(schema.classes, scores, strict=True) if score >= 0.5]
    return f"the model says {', '.join(named) or 'none'}"
