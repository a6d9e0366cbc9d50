"""`fit --clean auto`: doubtful labels of training rows dropped or changed, before any training."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from upfit.models import Backbone
from upfit.store import RunFolder
from upfit.train.features import cached_features, keep_features
from upfit.train.label_cleaning import label_cleaning
from upfit.train.objective import Objective
from upfit.train.workbench import Workbench
from upfit.values import Finding, Rows, Split

KEPT_AS = "cleaning.json"


def with_clean_labels(bench: Workbench, backbone: Backbone, folder: RunFolder) -> Workbench:
    """The bench with doubtful labels of its training rows dropped or changed; validation and test stay.

    What was decided is kept in the run folder, so that a resumed run learns from the same labels.
    """
    if bench.data.schema.task not in ("binary", "multiclass"):
        return bench
    if bench.world.agree(not folder.has(KEPT_AS)):
        bench.watcher.stage("looking for wrong labels")
        _decide(bench, backbone, folder)
        bench.world.wait()
    decided = folder.read_json(KEPT_AS)
    cleaned = _applied(bench, np.array(decided["dropped"], np.int64), decided["relabelled"])
    if cleaned.split != bench.split:
        folder.write_split(cleaned.split)
    return cleaned


def _decide(bench: Workbench, backbone: Backbone, folder: RunFolder) -> None:
    rows, classes = bench.split.train, bench.data.schema.classes
    features_ND, _ = cached_features(bench, backbone, rows)
    features_ND = np.asarray(features_ND)
    found = label_cleaning(features_ND, bench.train_targets)
    kept = np.setdiff1d(np.arange(len(rows)), found.dropped)
    keep_features(bench, backbone, rows[kept], features_ND[kept])
    relabelled = {str(row): int(to) for row, to in zip(rows[found.relabelled], found.to, strict=True)}
    text = (
        f"{len(found):,} of {len(rows):,} training labels looked wrong: {len(relabelled):,} were changed, "
        f"{len(found.dropped):,} rows left out; validation and test stayed as they are"
    )
    examples = [
        f"row {rows[place]}: {classes[bench.train_targets[place]]}, now {classes[to]}"
        for place, to in zip(found.relabelled[:5].tolist(), found.to[:5].tolist(), strict=True)
    ]
    finding = Finding(
        kind="labels_cleaned",
        severity="warning" if len(found) else "info",
        message=text,
        evidence={
            "rows": float(len(rows)),
            "changed": float(len(relabelled)),
            "dropped": float(len(found.dropped)),
        },
        examples=tuple(examples),
        rows=tuple(rows[np.concatenate([found.relabelled, found.dropped])].tolist()),
    )
    bench.watcher.note(text)
    folder.write_json(KEPT_AS, {"dropped": rows[found.dropped].tolist(), "relabelled": relabelled})
    folder.write_findings((*folder.read_findings(), finding))


def _applied(bench: Workbench, dropped: Rows, relabelled: dict[str, int]) -> Workbench:
    split = bench.split
    stays = ~np.isin(split.train, dropped)
    rows, targets = split.train[stays], bench.train_targets[stays].copy()
    for row, to in relabelled.items():
        targets[rows == int(row)] = to
    schema = bench.data.schema
    how = f"{split.how}, {len(dropped)} doubtful rows left out of train" if not stays.all() else split.how
    return replace(
        bench,
        split=Split(rows, split.validation, split.test, how=how),
        train_targets=targets,
        objective=Objective.of(schema.task, targets, schema.classes, own=bench.objective.own),
    )
