"""The alarm of a run of ours: a watcher that asks the loop to stop where a severe illness can be cured."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from upfit.diagnose import diagnose
from upfit.measure import metrics
from upfit.store import read_trace
from upfit.train.fitted import Fitted
from upfit.train.workbench import Workbench
from upfit.values import Evaluation, Event, Finding, Silent, Trace

EARLY, LATE = 0.25, 0.75
"""Part of the plan between which a run is stopped: before, nothing is certain; after, it is nearly done."""
FEWEST = 20
"""Steps before any alarm."""
SURE = 0.7
ALARMING = frozenset(
    {
        "clip_too_small",
        "dead_units",
        "exploding_gradient",
        "frozen_params",
        "lr_too_large",
        "lr_too_small",
        "nan_loss",
        "over_regularised",
        "underfit_capacity",
        "wrong_augmentation",
    }
)
"""Illnesses that cost a run most of what it could reach, and that a Change may cure."""


REFERENCE = "the linear probe, for comparison"
"""Marks the record of what tuning is compared with."""


class Alarm(Silent):
    """Diagnoses the run after each evaluation; once severe findings are there, it is `ringing`.

    Args:
        trace: Reads what was observed so far.
        total: Steps of the plan.
    """

    def __init__(self, trace: Callable[[], Trace], total: int) -> None:
        self._trace = trace
        self._total = total
        self.findings: tuple[Finding, ...] = ()

    @property
    def ringing(self) -> bool:
        """Whether the run should be stopped."""
        return bool(self.findings)

    def evaluation(self, record: Evaluation) -> None:
        """Look at the run so far, where there is something to be gained by stopping it."""
        share = record.step / max(1, self._total)
        if record.step >= FEWEST and EARLY <= share <= LATE and not self.ringing:
            self.findings = severe(self._trace())


def severe(trace: Trace) -> tuple[Finding, ...]:
    """The findings of a run that are worth stopping it for, ranked: grave, sure, and with cures.

    >>> severe(Trace())
    ()
    """
    return tuple(
        one
        for one in diagnose(trace).findings
        if one.kind in ALARMING and one.cures and one.confidence >= SURE
    )


def trace_of(folder: Path) -> Callable[[], Trace]:
    """A function that reads the journal of a run folder."""
    return lambda: read_trace(folder / "trace.jsonl")


def reference_of(bench: Workbench, probe: Fitted) -> Event:
    """What the linear probe reaches, as the score that tuning has to be compared with."""
    truth = bench.validation_targets
    found = metrics(bench.data.schema.task, probe.scores, truth)
    name = "r2" if bench.data.schema.task == "regression" else "accuracy"
    facts = {"validation.examples": float(len(truth))}
    if name in found and np.isfinite(found[name]):
        facts["reference.score"] = float(found[name])
    return Event(0, "measured", REFERENCE, facts)
