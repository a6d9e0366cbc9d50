"""The alarm of a run of ours: a watcher that asks the loop to stop where a severe illness can be cured."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from upfit.diagnose import diagnose
from upfit.diagnose.seen import Seen
from upfit.store import read_trace
from upfit.values import Evaluation, Finding, Silent, Trace

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
    }
)
"""Illnesses that cost a run most of what it could reach, and that a Change may cure."""
AT_ONCE = frozenset({"dead_units", "exploding_gradient", "frozen_params", "lr_too_large", "nan_loss"})
"""Those that do not pass by themselves."""
LESS = 0.05
"""Part of the validation loss that has to be gone, or the least gain in a score, to speak of progress."""

ILL = 0.6
"""Confidence that a finding of a run that ended needs, to be worth trials."""
NOT_OURS = frozenset({"class_imbalance", "label_noise", "out_of_memory", "too_little_data"})
"""They are about the data or the machine: a run that has them may be as good as can be."""
TAKEN_BACK = frozenset({"nan_loss", "lr_too_large"})
"""What a run has suffered and cured by itself, by going back."""


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

    def recall(self) -> None:
        """Ring at once where it rang at the newest evaluation in the journal: a kill came in between."""
        trace = self._trace()
        if trace.evaluations:
            last = trace.evaluations[-1]
            self._look(last, until(trace, last.step))

    def evaluation(self, record: Evaluation) -> None:
        """Look at the run so far, where there is something to be gained by stopping it."""
        self._look(record, None)

    def _look(self, record: Evaluation, trace: Trace | None) -> None:
        share = record.step / max(1, self._total)
        if record.step >= FEWEST and EARLY <= share <= LATE and not self.ringing:
            self.findings = severe(self._trace() if trace is None else trace)


def until(trace: Trace, step: int) -> Trace:
    """What was observed up to a step.

    >>> until(Trace(), 10)
    Trace(0 steps, 0 evaluations, 0 events, 0 looks)
    """
    return Trace(
        tuple(one for one in trace.steps if one.step <= step),
        tuple(one for one in trace.evaluations if one.step <= step),
        tuple(one for one in trace.events if one.step <= step),
        tuple(one for one in trace.healths if one.step <= step),
    )


def severe(trace: Trace) -> tuple[Finding, ...]:
    """The findings of a run that are worth stopping it for, ranked: grave, sure, and with cures.

    A run that is getting better is left to its end, unless its steps are what is wrong: fine-tuning often
    falls below the probe at first, and what is judged by how far it came would be judged too early.

    >>> severe(Trace())
    ()
    """
    improving = is_improving(Seen(trace))
    return tuple(
        one
        for one in diagnose(trace).findings
        if one.kind in ALARMING
        and one.cures
        and one.confidence >= SURE
        and not (improving and one.kind not in AT_ONCE)
    )


def is_improving(seen: Seen) -> bool:
    """Whether validation is better at the newest evaluation than at the first, in loss or beyond noise."""
    losses, scores = seen.validation_losses, seen.scores
    if len(losses) < 2:
        return False
    falls = losses[-1] < (1 - LESS) * losses[0]
    return bool(falls or (len(scores) and scores[-1] > scores[0] + max(seen.score_noise, LESS)))


def ill(trace: Trace) -> tuple[Finding, ...]:
    """The findings of a run that ended that are worth trials of cures, ranked: sure, curable, and its own.

    >>> ill(Trace())
    ()
    """
    seen = Seen(trace)
    recovered = bool(seen.taken_back) and not seen.is_poor
    return tuple(
        one
        for one in diagnose(trace).findings
        if one.severity != "info"
        and one.cures
        and one.confidence >= ILL
        and one.kind not in NOT_OURS
        and not (recovered and one.kind in TAKEN_BACK)
    )


def trace_of(folder: Path) -> Callable[[], Trace]:
    """A function that reads the journal of a run folder."""
    return lambda: read_trace(folder / "trace.jsonl")
