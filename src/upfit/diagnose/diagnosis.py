"""From a Trace to a diagnosis: all rules, ranked, with what could not be judged."""

from __future__ import annotations

from dataclasses import dataclass, field

from upfit.diagnose.cures import with_cure, without_contradictions
from upfit.diagnose.group_rates import main_rate
from upfit.diagnose.rank import ranked
from upfit.diagnose.rules import RULES
from upfit.diagnose.seen import Seen
from upfit.values import Finding, Trace


@dataclass(frozen=True)
class Diagnosis:
    """What is wrong with a run.

    Args:
        findings: Causes first.
        not_measured: Kind → what would have to be recorded to judge it.
        healthy: Kinds that were looked for and not found.
    """

    findings: tuple[Finding, ...] = ()
    not_measured: dict[str, tuple[str, ...]] = field(default_factory=dict)
    healthy: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """One sentence that a newcomer understands."""
        if self.findings:
            return self.findings[0].message
        if not self.healthy:
            return "Nothing was measured, so nothing can be said."
        looked, of = len(self.healthy), len(self.healthy) + len(self.not_measured)
        return f"Nothing wrong was found among the {looked} illnesses that could be looked for (of {of})."


def diagnose(trace: Trace) -> Diagnosis:
    """Judge a run by its Trace: a pure function, in milliseconds.

    Args:
        trace: Of a finished or running run, from upfit, from a `Doctor`, or from a log.

    Returns:
        Findings ranked, causes before the symptoms that they explain; a rule whose needs were not recorded is
        listed under `not_measured`, never as healthy.

    Example:
        >>> diagnose(Trace()).verdict
        'Nothing was measured, so nothing can be said.'
    """
    seen = Seen(trace)
    findings, missing, healthy = [], {}, []
    for rule in RULES:
        lacking = rule.missing(seen)
        if lacking:
            missing[rule.kind] = lacking
            continue
        finding = rule.look(seen)
        if finding is None:
            healthy.append(rule.kind)
        else:
            findings.append(with_cure(finding, seen))
    return Diagnosis(without_contradictions(ranked(findings), main_rate(seen)), missing, tuple(healthy))
