"""`fit --clean auto`: training rows with doubtful labels are left out, before anything learns from them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from upfit.models import Backbone
from upfit.store import RunFolder
from upfit.train.features import cached_features, keep_features
from upfit.train.label_cleaning import probably_wrong
from upfit.train.objective import Objective
from upfit.train.workbench import Workbench
from upfit.values import Finding, Rows, Split

KEPT_AS = "cleaning.json"


def with_clean_labels(bench: Workbench, backbone: Backbone, folder: RunFolder) -> Workbench:
    """The bench without training rows whose labels are probably wrong; validation and test stay.

    What was decided is kept in the run folder, so that a resumed run learns from the same rows.
    """
    if bench.world.agree(not folder.has(KEPT_AS)):
        if bench.data.schema.task in ("binary", "multiclass"):
            bench.watcher.stage("looking for wrong labels")
            _decide(bench, backbone, folder)
        else:
            _pass_over(bench, folder)
        bench.world.wait()
    dropped = np.array(folder.read_json(KEPT_AS)["dropped"], np.int64)
    cleaned = _without(bench, dropped)
    if cleaned is not bench:
        folder.write_split(cleaned.split)
    return cleaned


def _pass_over(bench: Workbench, folder: RunFolder) -> None:
    """Say that nothing was looked for: whoever asked would take silence for clean labels."""
    task = bench.data.schema.task
    text = f"wrong labels were not looked for: that is done for single classes, and this is {task}"
    bench.watcher.note(text)
    folder.write_json(KEPT_AS, {"dropped": []})
    finding = Finding(kind="labels_cleaned", severity="info", message=text)
    folder.write_findings((*folder.read_findings(), finding))


def _decide(bench: Workbench, backbone: Backbone, folder: RunFolder) -> None:
    rows, classes = bench.split.train, bench.data.schema.classes
    features_ND = np.asarray(cached_features(bench, backbone, rows)[0])
    places = probably_wrong(features_ND, bench.train_targets)
    kept = np.setdiff1d(np.arange(len(rows)), places)
    # The probe asks for features of the rows that stay: they are known.
    keep_features(bench, backbone, rows[kept], features_ND[kept])
    text = (
        f"{len(places):,} of {len(rows):,} training rows left out, whose labels look wrong; "
        "validation and test stay as they are"
    )
    finding = Finding(
        kind="labels_cleaned",
        severity="warning" if len(places) else "info",
        message=text,
        evidence={"rows": float(len(rows)), "dropped": float(len(places))},
        examples=tuple(f"row {rows[place]}: {classes[bench.train_targets[place]]}" for place in places[:5]),
        rows=tuple(rows[places].tolist()),
    )
    bench.watcher.note(text)
    folder.write_json(KEPT_AS, {"dropped": rows[places].tolist()})
    folder.write_findings((*folder.read_findings(), finding))


def _without(bench: Workbench, dropped: Rows) -> Workbench:
    """The bench without some training rows; itself where they are gone already."""
    split, schema = bench.split, bench.data.schema
    stays = ~np.isin(split.train, dropped)
    if stays.all():
        return bench
    targets = bench.train_targets[stays]
    how = f"{split.how}, {int((~stays).sum())} doubtful rows left out of train"
    return replace(
        bench,
        split=Split(split.train[stays], split.validation, split.test, how=how),
        train_targets=targets,
        objective=Objective.of(schema.task, targets, schema.classes, own=bench.objective.own),
    )
