"""A diagnosis as text, the verdict first."""

from __future__ import annotations

from upfit.diagnose.diagnosis import Diagnosis
from upfit.diagnose.seen import Seen
from upfit.values import Finding


def report_text(
    diagnosis: Diagnosis, seen: Seen, skipped: dict[str, str] | None = None, *, verdict: str = ""
) -> str:
    """Verdict (or another), findings with their evidence and cures, and what could not be judged."""
    lines = [verdict or diagnosis.verdict, ""]
    for number, finding in enumerate(diagnosis.findings, start=1):
        lines += finding_lines(number, finding)
    steps, looks = len(seen.steps), len(seen.healths)
    lines.append(f"Seen: {steps} steps, {len(seen.evaluations)} evaluations, {looks} looks inside.")
    if diagnosis.not_measured:
        lines.append("Not measured: " + ", ".join(sorted(diagnosis.not_measured)) + ".")
    for name, why in (skipped or {}).items():
        lines.append(f"Could not run: {name} ({why})")
    return "\n".join(lines)


def finding_lines(number: int, finding: Finding) -> list[str]:
    """A finding with its evidence, cures and advice, a blank line at the end."""
    at = "" if finding.step is None else f", step {finding.step}"
    lines = [f"{number}. {finding.kind} ({finding.severity}, {finding.confidence:.0%} sure{at})"]
    lines.append(f"   {finding.message}")
    if finding.causes:
        lines.append("   explained by: " + ", ".join(finding.causes))
    if finding.evidence:
        lines.append("   evidence: " + ", ".join(f"{n} {value:.4g}" for n, value in finding.evidence.items()))
    lines += [f"   try: {cure.path} = {cure.to} ({cure.because})" for cure in finding.cures]
    lines += [f"   do: {finding.advice}"] if finding.advice else []
    return [*lines, ""]
