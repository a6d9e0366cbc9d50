"""`errors`: what a run gets wrong on validation, never on test, in groups that lead to a proposed change."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from upfit.audit.measurements import measurements
from upfit.audit.subject import Subject
from upfit.curate.embedding import embedder
from upfit.data.targets import targets
from upfit.diagnose.mistakes.analysis import analyse
from upfit.diagnose.mistakes.judged import Judged
from upfit.errors import RunFolderError
from upfit.journey.runs import data_of, load_run
from upfit.store import RunFolder
from upfit.values import Data, Finding, Run, Watcher


def errors(
    run: Run | str | Path, *, data: Data | None = None, watcher: Watcher | None = None
) -> tuple[Finding, ...]:
    """Groups of validation errors, the gravest first.

    Args:
        run: A finished run, or its folder.
        data: What it was trained on; read again where missing.
        watcher: Sees progress.

    Raises:
        RunFolderError: Not finished, without predictions, or its data are gone or have changed.
    """
    finished = run if isinstance(run, Run) else load_run(run)
    if finished.predictions is None or not len(finished.predictions.rows):
        raise RunFolderError("this run kept no predictions on validation")
    table = data
    if table is None:
        if finished.folder is None:
            raise RunFolderError(
                "the run has no folder, so its data are needed", hint="upfit.errors(run, data=…)"
            )
        table = data_of(RunFolder.open(finished.folder))
    rows = np.asarray(finished.predictions.rows, np.int64)
    subject = Subject(table)
    backbone = embedder(table, watcher=watcher)
    counts = np.empty(0, np.int64)
    if subject.single_class:
        counts = np.bincount(targets(table, finished.split.train), minlength=len(table.schema.classes))
    judged = Judged(
        subject,
        finished.predictions,
        None if backbone is None else backbone.features(rows),
        {name: values[rows] for name, values in measurements(subject).items()},
        counts,
    )
    return analyse(judged)
