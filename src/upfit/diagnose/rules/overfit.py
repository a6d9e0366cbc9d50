"""A model that learns its examples by heart."""

from __future__ import annotations

import math

import numpy as np

from upfit.diagnose.rule import Rule, found
from upfit.diagnose.seen import SCORES, Seen
from upfit.values import Finding

RISEN = 0.1
GAP = 0.05
COMPARABLE = ("accuracy", "acc", "r2")
"""Metrics that are measured on training examples, too."""


def look(seen: Seen) -> Finding | None:
    """Validation loss rising from its minimum for three evaluations, with a gap to training."""
    losses = seen.validation_losses
    finite = losses[np.isfinite(losses)]
    if len(finite) < 4:
        return None
    lowest = int(finite.argmin())
    risen = float(finite[-1] / finite[lowest] - 1) if finite[lowest] > 0 else 0.0
    since = len(finite) - 1 - lowest
    gap = finite[-1] > 2 * max(seen.closing, 1e-9) and finite[-1] - seen.closing > GAP * max(
        seen.opening, 1e-9
    )
    if since < 3 or risen < RISEN or not gap:
        return None
    best = float(np.nanmax(seen.scores)) if len(seen.scores) else math.nan
    # A rise no larger than what the curve swings to and fro is one of its swings.
    swing = float(np.median(np.abs(np.diff(finite[lowest:]))))
    if finite[-1] - finite[lowest] < 2 * swing:
        return None
    # A score that stays within noise of its best is not harmed: the loss rose because a few errors are sure.
    if seen.metric in SCORES and best > 0.97 and seen.score > best - max(0.01, seen.score_noise):
        return None
    said = (
        f"Validation loss has risen by {risen:.0%} since step {seen.evaluations[lowest].step} "
        "while the training loss went on falling."
    )
    # By heart is what training examples are known by and others are not.
    if seen.metric in COMPARABLE and seen.train_score - seen.score < max(GAP, seen.score_noise):
        return None
    kept = seen.keeps_best
    return found(
        "overfit",
        f"{said} The best weights before that were kept, so that it did no harm." if kept else said,
        severity="info" if kept else "warning",
        confidence=0.9 if risen > 0.3 else 0.7,
        step=seen.evaluations[lowest].step,
        plot="validation",
        lowest=float(finite[lowest]),
        last=float(finite[-1]),
        train_loss=seen.closing,
    )


RULE = Rule("overfit", ("validation", "loss"), look)
