"""Which cures are worth a trial: those of the causes first, a few at most."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from upfit.values import Change, Cure, Finding

MOST = 3
"""Candidates a round: each costs a trial."""

Candidate = tuple[Finding, Change]
Edits = tuple[Change, ...]
Pick = tuple[Finding, Edits]
"""A finding, and the changes that are tried for it together."""


def candidates(
    findings: Iterable[Finding], *, tried: Collection[Change] = (), most: int = MOST
) -> tuple[Candidate, ...]:
    """Findings with a Change each, the likeliest to help first, no Change twice.

    Causes come before what they explain: whoever cures the cause has cured the symptom. Within a finding
    cures keep their order; a second cure of the first finding waits for the first cure of the second.

    Args:
        findings: Ranked, causes first.
        tried: Changes that were tried already.
        most: Candidates at most.

    >>> slow, fast = Change(path="optimizer.lr", to=1e-3), Change(path="schedule.warmup", to=0.1)
    >>> ill = Finding(kind="lr_too_large", severity="error", message="too large", cures=(slow, fast))
    >>> [change.path for _, change in candidates([ill], tried=[slow])]
    ['schedule.warmup']
    """
    found: list[tuple[int, int, Finding, Change]] = []
    curable = [one for one in findings if one.cures and one.severity != "info"]
    for rank, finding in enumerate(curable):
        fresh = [cure for cure in finding.cures if not _is_among(cure, tried)]
        found += [(rank + place, rank, finding, cure) for place, cure in enumerate(fresh)]
    chosen: list[Candidate] = []
    for _, _, finding, cure in sorted(found, key=lambda one: one[:2]):
        if not _is_among(cure, [other for _, other in chosen]):
            chosen.append((finding, cure))
    return tuple(chosen[:most])


def incurable(findings: Iterable[Finding]) -> tuple[Cure, ...]:
    """A line of the ledger for each cause that no Change can cure: it says what can.

    >>> noise = Finding(kind="label_noise", severity="warning", message="Labels lie.", advice="Mend them.")
    >>> incurable([noise])[0].why
    'Labels lie. Mend them.'
    """
    causes = [one for one in findings if not one.causes and not one.cures and one.severity != "info"]
    return tuple(
        Cure(kind=one.kind, outcome="impossible", why=f"{one.message} {one.advice}".strip()) for one in causes
    )


def _is_among(change: Change, others: Iterable[Change]) -> bool:
    """Whether a Change does what another one does, for whatever reason."""
    return any((change.path, change.to) == (other.path, other.to) for other in others)
