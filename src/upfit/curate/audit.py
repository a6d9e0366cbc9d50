"""`audit`: read the data, compute features of a frozen backbone, run every check, rank what they found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from upfit.audit.checks import CHEAP, CHEAPEST, CHECKS, named, run_checks
from upfit.audit.result import Audit
from upfit.audit.subject import Subject
from upfit.audit.table_features import table_features
from upfit.curate.embedding import Embedder, embedder
from upfit.data.describe import describe
from upfit.data.read import read_once
from upfit.values import Data, Logged, Rows, Task, Watcher

MOST_ROWS = 20_000
"""Rows that get features by default; checks that need none look at all rows."""


def audit(
    data: Any = None,
    *,
    target: str | Iterable[str] | None = None,
    task: Task | None = None,
    kinds: Mapping[str, str] | None = None,
    train: Any = None,
    validation: Any = None,
    test: Any = None,
    group: str | None = None,
    time: str | None = None,
    model: str = "auto",
    checks: Sequence[str] = (),
    rows: int = MOST_ROWS,
    watcher: Watcher | None = None,
) -> Audit:
    """Look for what is wrong with data, before any training.

    Labels of train and validation are read; those of a test part that came with the data stay sealed.

    Args:
        data: As for `fit`, or `Data` from `read`. Or name the parts one by one:
        train: Training part.
        validation: Validation part.
        test: Test part.
        target: Target column; inferred where missing.
        task: Inferred where missing.
        kinds: Column kinds that were inferred wrongly.
        group: Column whose equal values belong together.
        time: Column of time.
        model: Backbone whose features tell what is alike.
        checks: Names of the checks to run; all where empty.
        rows: How many rows get features at most; a random sample where there are more.
        watcher: Sees progress.

    Returns:
        Findings, ranked, with a plan of proposed edits.

    Raises:
        InputError: Something about the data, the backbone, or the name of a check.

    Example:
        >>> import pandas
        >>> frame = pandas.DataFrame({"text": ["so good", "so bad"] * 8, "label": ["yes", "no"] * 8})
        >>> [finding.kind for finding in audit(frame, checks=["duplicates"]).findings]
        ['exact_duplicates']
    """
    asked = named(checks) if checks else CHECKS
    watcher = watcher or Logged()
    watcher.stage("reading the data")
    table = read_once(
        data,
        train=train,
        validation=validation,
        test=test,
        target=target,
        task=task,
        kinds=kinds,
        group=group,
        time=time,
    )
    watcher.note(describe(table))
    subject = subject_of(table, model=model, rows=rows, watcher=watcher)
    try:
        found = run_checks(subject, asked, noted=lambda name: watcher.stage(f"checking {name}"))
    finally:
        watcher.close()
    return Audit(table, found, looked_at=len(subject.embedded))


def subject_of(data: Data, *, model: str = "auto", rows: int = MOST_ROWS, watcher: Watcher) -> Subject:
    """The data with features of (a sample of) their rows."""
    watcher.stage("features of the frozen backbone")
    chosen = _sample(len(data), rows)
    backbone = embedder(data, model=model, watcher=watcher)
    if backbone is None:
        return Subject(data, chosen, table_features(data, chosen))
    features = _by_part(data, backbone, chosen)
    if backbone.backbone.modality == "text":
        counts, limit = backbone.token_counts(chosen)
        return Subject(data, chosen, features, counts, limit)
    return Subject(data, chosen, features)


def _by_part(data: Data, backbone: Embedder, rows: Rows) -> Any:
    """Features of rows, computed part by part: `fit` asks the cache for the same parts."""
    part_of = Subject(data).part_of[rows]
    features = np.empty((len(rows), backbone.backbone.width), np.float32)
    for part in np.unique(part_of):
        places = np.flatnonzero(part_of == part)
        features[places] = backbone.features(rows[places])
    return features


def _sample(count: int, most: int) -> Rows:
    if count <= most:
        return np.arange(count, dtype=np.int64)
    return np.sort(np.random.default_rng(0).choice(count, most, replace=False)).astype(np.int64)


def noticed(data: Data) -> Data:
    """The data with what the checks that take a moment find; `fit` begins with this.

    Rows and proposed edits stay with `upfit audit`; a run only says what is wrong.
    """
    checks = CHEAP if len(data) <= MOST_ROWS else CHEAPEST
    found = run_checks(Subject(replace(data, findings=())), checks)
    brief = tuple(one.replace(rows=(), scores=(), actions=()) for one in found)
    return replace(data, findings=tuple(dict.fromkeys((*data.findings, *brief))))
