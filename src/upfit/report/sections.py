"""What the tables of the report hold, computed before any of it is written as HTML."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from upfit.measure import ClassRow, confusion, per_class
from upfit.report.verdict import BASELINES
from upfit.report.words import better_is, candidate_label, duration, metric_label, with_interval
from upfit.values import Candidate, Estimate, Predictions, Run

MOST_CLASSES = 30
MOST_PAIRS = 20
MOST_ROWS = 60


@dataclass(frozen=True)
class Shown:
    """A value and its interval as they are written."""

    value: str
    interval: str


@dataclass(frozen=True)
class MetricRow:
    """One metric: its name, which way is better, its values with intervals."""

    label: str
    better: str
    validation: Shown
    test: Shown | None
    decides: bool


@dataclass(frozen=True)
class CandidateRow:
    """One candidate; `low`, `at` and `high` place its interval on a line from 0 to 100 (None: off it)."""

    label: str
    value: Shown
    margin: Shown | None
    inside_noise: bool
    seconds: str
    chosen: bool
    low: float | None
    at: float | None
    high: float | None


@dataclass(frozen=True)
class Cell:
    """One cell of the confusion matrix: its count, and how strongly it is coloured, from 0 to 1."""

    count: int
    strength: float
    right: bool
    title: str


@dataclass(frozen=True)
class Pair:
    """Two classes that are confused: how often, and out of how many of the true class."""

    true: str
    said: str
    count: int
    support: int


def metric_rows(run: Run) -> tuple[MetricRow, ...]:
    """Every metric, the one that decides first."""
    test = run.test or {}
    names = sorted(run.validation, key=lambda name: name != run.metric)
    return tuple(
        MetricRow(
            label=metric_label(name),
            better=better_is(name),
            validation=_shown(run.validation[name], name),
            test=_shown(test[name], name) if name in test else None,
            decides=name == run.metric,
        )
        for name in names
    )


def _shown(estimate: Estimate, metric: str, *, sign: bool = False) -> Shown:
    value, _, rest = with_interval(estimate, metric, sign=sign).partition(" ")
    return Shown(value, rest)


def candidate_rows(run: Run) -> tuple[CandidateRow, ...]:
    """Every candidate that was measured on the deciding metric."""
    measured = [one for one in run.candidates if run.metric in one.validation]
    low, high = _span(measured, run.metric)
    return tuple(_candidate_row(one, run.metric, low, high) for one in measured)


def _span(candidates: list[Candidate], metric: str) -> tuple[float, float]:
    """The ends of the line: the models' intervals; a baseline far below would squeeze them to dots."""
    models = [one.validation[metric] for one in candidates if one.name not in BASELINES]
    shown = models or [one.validation[metric] for one in candidates]
    low, high = min((one.low for one in shown), default=0.0), max((one.high for one in shown), default=1.0)
    edge = 0.06 * (high - low) or 1e-9
    return low - edge, high + edge


def _candidate_row(candidate: Candidate, metric: str, low: float, high: float) -> CandidateRow:
    estimate, margin = candidate.validation[metric], candidate.margin
    places = [100 * (end - low) / (high - low) for end in (estimate.low, estimate.value, estimate.high)]
    on_line = all(-1e-6 <= place <= 100 + 1e-6 for place in places)
    return CandidateRow(
        label=candidate_label(candidate.name),
        value=_shown(estimate, metric),
        margin=_shown(margin, metric, sign=True) if margin else None,
        inside_noise=bool(margin and margin.low <= 0 <= margin.high),
        seconds=duration(candidate.seconds) if candidate.seconds else "–",
        chosen=candidate.chosen,
        low=places[0] if on_line else None,
        at=places[1] if on_line else None,
        high=places[2] if on_line else None,
    )


def confusion_rows(predictions: Predictions, classes: tuple[str, ...]) -> tuple[tuple[Cell, ...], ...]:
    """The confusion matrix: a row per true class."""
    counts = confusion(predictions.scores, predictions.targets)
    support = np.maximum(counts.sum(axis=1), 1)
    return tuple(
        tuple(
            Cell(
                count=int(counts[i, j]),
                # The root lets rare confusions be seen beside frequent ones.
                strength=float(np.sqrt(counts[i, j] / support[i])),
                right=i == j,
                title=f"{counts[i, j]} of {counts[i].sum()} {classes[i]!r} called {classes[j]!r}",
            )
            for j in range(len(classes))
        )
        for i in range(len(classes))
    )


def confused_pairs(predictions: Predictions, classes: tuple[str, ...]) -> tuple[Pair, ...]:
    """The most frequent confusions, at most 20."""
    true, said = predictions.targets, predictions.scores.argmax(axis=1)
    wrong = true != said
    # Pairs that occur, not a matrix: thousands of classes have millions of cells.
    pairs, counts = np.unique(np.stack([true[wrong], said[wrong]]), axis=1, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:MOST_PAIRS]
    return tuple(
        Pair(classes[i], classes[j], int(count), int(np.count_nonzero(true == i)))
        for (i, j), count in zip(pairs.T[order], counts[order], strict=True)
    )


def class_rows(run: Run, predictions: Predictions) -> tuple[ClassRow, ...]:
    """The classes that validation holds, the worst F1 first."""
    rows = per_class(run.schema.task, predictions.scores, predictions.targets)
    return tuple(sorted((row for row in rows if row.support), key=lambda row: (row.f1, -row.support)))
