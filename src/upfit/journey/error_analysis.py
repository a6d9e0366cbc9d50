"""Error analysis: what a run gets wrong on validation, never on test, in groups that propose something."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from upfit.audit.measurements import measurements
from upfit.audit.subject import Subject
from upfit.curate.embedding import Embedder, embedder
from upfit.data.targets import targets
from upfit.diagnose.mistakes.analysis import analyse
from upfit.diagnose.mistakes.judged import Judged
from upfit.diagnose.mistakes.result import Mistakes
from upfit.errors import RunFolderError
from upfit.journey.runs import data_of, load_run
from upfit.store import RunFolder
from upfit.values import Data, Run, Watcher


def error_analysis(
    run: Run | str | Path, *, data: Data | None = None, watcher: Watcher | None = None
) -> Mistakes:
    """What a run gets wrong on validation, in groups that each propose something.

    Args:
        run: A finished run, or its folder.
        data: What it was trained on; read again where missing.
        watcher: Sees progress.

    Returns:
        The groups, the gravest first; `changes` for a recipe and a `plan` for the data.

    Example:
        >>> mistakes = upfit.error_analysis("runs/flowers-1")                      # doctest: +SKIP
        >>> upfit.fit("flowers/", changes=mistakes.changes[:1])                    # doctest: +SKIP

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
                "the run has no folder, so its data are needed", hint="upfit.error_analysis(run, data=…)"
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
        recipe=finished.recipe,
        epochs=float(finished.result.get("epochs") or 0.0),
        most_tokens=_most_tokens(backbone),
    )
    return Mistakes(table, analyse(judged), len(rows))


def _most_tokens(backbone: Embedder | None) -> int:
    """How many tokens the backbone could read; 0 for images and tables."""
    return int(getattr(backbone.backbone.inputs, "max_length", 0)) if backbone else 0
