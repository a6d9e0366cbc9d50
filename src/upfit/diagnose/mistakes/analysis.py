"""All groups of errors, the gravest first."""

from __future__ import annotations

import numpy as np

from upfit.audit.checks import ranked
from upfit.diagnose.mistakes.clusters import clusters
from upfit.diagnose.mistakes.judged import Judged
from upfit.diagnose.mistakes.kinds import kinds, pairs
from upfit.diagnose.mistakes.slices import slices
from upfit.measure import calibration_bins
from upfit.values import Change, Finding

OFF = 0.05
"""Calibration error from which it is told of."""


def analyse(judged: Judged) -> tuple[Finding, ...]:
    """Worst rows by kind, confusions, weak slices and clusters, calibration; each with what may help."""
    return ranked([*slices(judged), *clusters(judged), *pairs(judged), *kinds(judged), *_calibration(judged)])


def _calibration(judged: Judged) -> tuple[Finding, ...]:
    task = judged.subject.data.schema.task
    if task == "regression" or len(judged.rows) < 100:
        return ()
    bins = calibration_bins(task, judged.predictions.scores, judged.predictions.targets)
    total = sum(one.count for one in bins)
    off = float(sum(one.count * (one.confidence - one.accuracy) for one in bins) / total)
    error = float(np.sum([one.count * abs(one.confidence - one.accuracy) for one in bins]) / total)
    if error < OFF:
        return ()
    way = "too sure of itself" if off > 0 else "less sure than it could be"
    points = f"{100 * abs(off):.0f} points {'more' if off > 0 else 'less'}"
    message = f"the model is {way}: it claims {points} than it reaches"
    cures = (Change(path="loss.label_smoothing", to=0.1, because="too sure of itself"),) if off > 0 else ()
    return (
        Finding(
            kind="miscalibrated",
            severity="info",
            message=message,
            evidence={"calibration_error": error, "claimed_too_much": off},
            cures=cures,
        ),
    )
