"""The health section of the report: what the run suffered from, what shows it, and what was done about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from upfit.diagnose import diagnose
from upfit.diagnose.diagnosis import Diagnosis
from upfit.report import health_charts
from upfit.report.attempts import Attempt, attempts_chart, attempts_of, best_of
from upfit.report.words import number
from upfit.values import Change, Cure, Estimate, Event, Finding, Run, Trace

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
MOST_REPAIRS = 8


@dataclass(frozen=True)
class Alarm:
    """One finding as it is shown; `step` is None where it is about the whole run."""

    letter: str
    step: int | None
    kind: str
    severity: str
    message: str
    when: str
    evidence: str
    causes: tuple[str, ...]
    cures: tuple[Change, ...]
    advice: str


@dataclass(frozen=True)
class Tried:
    """A line of the ledger as it is shown."""

    kind: str
    what: str
    why: str
    before: str
    after: str
    gain: str
    outcome: str
    steps: int


@dataclass(frozen=True)
class Health:
    """Everything that the section shows."""

    sentence: str
    looked: str
    alarms: tuple[Alarm, ...]
    charts: tuple[tuple[str, str, Markup], ...]
    repairs: tuple[Event, ...]
    more_repairs: int
    earlier: tuple[Attempt, ...]
    reached: str
    attempts: Markup | None
    tried: tuple[Tried, ...]
    healthy: tuple[str, ...]
    missing: tuple[str, ...]


def health_of(run: Run) -> Health | None:
    """The health of a run that took steps; None for one that did not.

    Example:
        >>> health_of(run).sentence  # doctest: +SKIP
        'Nothing wrong was found among the 20 illnesses that could be looked for (of 41).'
    """
    trace = run.trace
    if not trace.steps:
        return None
    diagnosis, earlier = diagnose(trace), attempts_of(run)
    alarms = tuple(_alarm(*pair) for pair in zip(LETTERS, diagnosis.findings, strict=False))
    repaired = tuple(one for one in trace.events if one.kind == "rolled_back")
    marks = [(float(one.step), one.letter) for one in alarms if one.step is not None]
    return Health(
        sentence=sentence(diagnosis, run.ledger, earlier),
        looked=looked(trace),
        alarms=alarms,
        # Without anything to add, the curves of the section on training say it all.
        charts=health_charts.charts(trace, run.metric, marks) if trace.healths or marks else (),
        repairs=repaired[:MOST_REPAIRS],
        more_repairs=max(0, len(repaired) - MOST_REPAIRS),
        earlier=earlier,
        reached=best_of(trace, run.metric),
        attempts=attempts_chart(run, earlier),
        tried=tuple(_tried(one) for one in run.ledger),
        healthy=tuple(_plain(kind) for kind in diagnosis.healthy),
        missing=tuple(_plain(kind) for kind in diagnosis.not_measured),
    )


def sentence(diagnosis: Diagnosis, ledger: Sequence[Cure], earlier: Sequence[Attempt] = ()) -> str:
    """What a newcomer has to know, in a few sentences: the illness first, then the cure, then how it is now.

    >>> sentence(Diagnosis(), [Cure(kind="overfit", outcome="failed", why="There was no time.")])
    'Nothing was measured, so nothing can be said. No repair could be tried. There was no time.'
    """
    said = diagnosis.verdict
    kept = [one for one in ledger if one.is_kept]
    tried = sum(one.gain is not None for one in ledger)
    if kept and earlier:
        what = "; then ".join(one.what for one in kept)
        ill = earlier[0].verdict
        return f"This run was ill and has been repaired. {ill} Changed: {what}. Since then: {said}"
    if kept:
        return f"{said} A repair was found and kept: {kept[0].what}."
    if tried:
        times_tried = "One repair was" if tried == 1 else f"{tried} repairs were"
        return f"{said} {times_tried} tried; none gained more than noise, so nothing was changed."
    if ledger:
        return f"{said} No repair could be tried. {ledger[-1].why}"
    return said


def looked(trace: Trace) -> str:
    """How closely the run was watched, and at what cost."""
    looks = [one for one in trace.healths if one.gradient_norms]
    probes = [one for one in trace.healths if one.examples]
    if not trace.healths:
        return "The network was not looked into while it trained (watch: off)."
    said = f"The network was looked into {times(len(looks))}"
    every = next((one.every for one in reversed(looks) if one.every), 0)
    said += f", every {every} steps" if every > 1 else ""
    if probes:
        said += f", and shown the same {probes[-1].examples} training examples {times(len(probes))}"
    spent = sum(one.seconds for one in looks if one.seconds == one.seconds)
    whole = trace.steps[-1].seconds
    return f"{said}; the looks took {spent / whole:.1%} of the training time." if whole > 0 else f"{said}."


def times(count: int) -> str:
    """Once, twice, or so many times."""
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _alarm(letter: str, finding: Finding) -> Alarm:
    return Alarm(
        letter=letter,
        step=finding.step,
        kind=finding.kind,
        severity=finding.severity,
        message=finding.message,
        when="over the whole run" if finding.step is None else f"first seen at step {finding.step}",
        evidence=" · ".join(f"{_plain(name)} {value:.3g}" for name, value in finding.evidence.items()),
        causes=tuple(_plain(kind) for kind in finding.causes),
        cures=finding.cures,
        advice=finding.advice,
    )


def _tried(cure: Cure) -> Tried:
    def shown(value: float | None) -> str:
        return "–" if value is None else number(value, cure.metric)

    gain = "–" if cure.gain is None else _interval(cure.gain)
    before, after = shown(cure.before), shown(cure.after)
    return Tried(cure.kind, cure.what, cure.why, before, after, gain, cure.outcome, cure.steps)


def _interval(gain: Estimate) -> str:
    return f"{gain.value:+.3f} ({gain.low:+.3f} to {gain.high:+.3f})"


def _plain(name: str) -> str:
    return name.replace("_", " ")
