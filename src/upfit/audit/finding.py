"""How checks write down what they found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from upfit.audit.subject import Subject
from upfit.values import Action, Data, Finding, Plan
from upfit.values.shortened import shortened

Severity = Literal["info", "warning", "error"]
SHOWN = 12
"""Examples that a finding names; `rows` holds all."""


def of_rows(
    subject: Subject,
    kind: str,
    severity: Severity,
    message: str,
    *,
    rows: Sequence[int] | Any,
    scores: Sequence[float] | Any = (),
    examples: Sequence[str] | None = None,
    actions: Sequence[Action] = (),
    **evidence: float,
) -> Finding:
    """A finding about rows, which are put in the order of their scores, the gravest first."""
    rows, scores = np.asarray(rows, np.int64), np.asarray(scores, float)
    if len(scores):
        order = np.argsort(-scores, kind="stable")
        rows, scores = rows[order], scores[order]
        examples = [examples[place] for place in order[:SHOWN]] if examples is not None else None
    shown = [subject.show(int(row)) for row in rows[:SHOWN]] if examples is None else examples[:SHOWN]
    return Finding(
        kind=kind,
        severity=severity,
        message=message,
        evidence={"rows": float(len(rows)), **{name: float(value) for name, value in evidence.items()}},
        examples=tuple(shown),
        rows=tuple(rows.tolist()),
        scores=tuple(np.round(scores, 6).tolist()),
        actions=tuple(actions),
    )


def drop(rows: Sequence[int] | Any, because: str, *, doubtful: bool = False) -> Action:
    """The proposal to leave rows out."""
    return Action(do="drop", rows=tuple(int(row) for row in rows), because=because, doubtful=doubtful)


def some(names: Sequence[str], count: int = 5) -> str:
    """The first few names, and how many more there are.

    >>> some(["a", "b", "c"], 2)
    'a, b and 1 more'
    """
    shown = ", ".join(map(shortened, names[:count]))
    return shown if len(names) <= count else f"{shown} and {len(names) - count:,} more"


def percent(share: float) -> str:
    """A fraction in words.

    >>> percent(0.0312), percent(0.5)
    ('3.1 %', '50 %')
    """
    value = 100 * share
    if 0 < value < 0.1:
        return "under 0.1 %"
    return f"{value:.1f} %" if value < 10 else f"{value:.0f} %"


def times(count: int, one: str, many: str = "") -> str:
    """A number with its noun.

    >>> times(1, "row"), times(2400, "row"), times(2, "copy", "copies")
    ('1 row', '2,400 rows', '2 copies')
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def plan_of(data: Data, findings: Sequence[Finding]) -> Plan:
    """All edits that findings propose."""
    return Plan.proposed(data.fingerprint, (action for finding in findings for action in finding.actions))


def listed(heading: str, findings: Sequence[Finding]) -> str:
    """Findings below a heading, a line each."""
    lines = [f"{one.severity:<8}{one.message}" for one in findings] or ["nothing stood out"]
    return "\n  ".join([heading, *lines])
