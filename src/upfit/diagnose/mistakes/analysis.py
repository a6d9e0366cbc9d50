"""All groups of errors, the gravest first."""

from __future__ import annotations

import numpy as np

from upfit.audit.checks import ranked
from upfit.diagnose.mistakes.clusters import clusters
from upfit.diagnose.mistakes.confusions import pairs
from upfit.diagnose.mistakes.judged import Judged
from upfit.diagnose.mistakes.kinds import kinds
from upfit.diagnose.mistakes.proposals import collect, smoother_labels, surer
from upfit.diagnose.mistakes.slices import slices
from upfit.measure import calibration_bins
from upfit.values import Finding

OFF = 0.05
"""Calibration error from which it is told of."""


def analyse(judged: Judged) -> tuple[Finding, ...]:
    """Worst rows by kind, confusions, weak slices and clusters, calibration; each with what may help."""
    calibration = _calibration(judged)
    groups = [*slices(judged), *clusters(judged), *pairs(judged), *kinds(judged)]
    return ranked([*(_agreeing(judged, one, calibration) for one in groups), *calibration])


def _agreeing(judged: Judged, finding: Finding, calibration: tuple[Finding, ...]) -> Finding:
    """The group without changes that calibration wants otherwise, and with something to do all the same."""
    settled = {change.path: change.to for one in calibration for change in one.cures}
    cures = tuple(one for one in finding.cures if settled.get(one.path, one.to) == one.to)
    left = finding.replace(cures=cures)
    if left.cures or left.actions:
        return left
    return left.replace(actions=(collect(judged, "they are learnt from more examples", rows=finding.rows),))


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
    cures = (
        smoother_labels(judged, "too sure of itself", most=0.2)
        if off > 0
        else surer(judged, "not sure enough")
    )
    wish = collect(judged, "more examples are what makes a model as sure as it may be")
    return (
        Finding(
            kind="miscalibrated",
            severity="info",
            message=message,
            evidence={"calibration_error": error, "claimed_too_much": off},
            cures=cures,
            actions=() if cures else (wish,),
        ),
    )
