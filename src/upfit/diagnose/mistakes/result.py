"""Mistakes: what a run gets wrong on validation, and all that is proposed against it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from upfit.audit.finding import listed, plan_of
from upfit.values import Change, Data, Finding, Plan


@dataclass(frozen=True, eq=False)
class Mistakes:
    """Groups of errors of a run.

    Args:
        data: What the run was trained on; rows count in it.
        findings: The groups, the gravest first; each carries `cures`, `actions`, or both.
        validation: Validation rows that were looked at.
    """

    data: Data
    findings: tuple[Finding, ...]
    validation: int

    def __repr__(self) -> str:
        """The groups, a line each."""
        return listed(f"Errors on {self.validation:,} validation rows:", self.findings)

    @property
    def changes(self) -> tuple[Change, ...]:
        """Every proposed change of the recipe once, those against the gravest group first.

        Of two that set one field, the first is kept: `recipe.apply(*changes)` does all of them, and one at a
        time tells which of them earned something.
        """
        first: dict[str, Change] = {}
        for finding in self.findings:
            for change in finding.cures:
                first.setdefault(change.path, change)
        return tuple(first.values())

    @property
    def plan(self) -> Plan:
        """All proposed edits of the data, for `upfit clean`; to be read, and cut down, by a person."""
        return plan_of(self.data, self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Everything but the data, as JSON would have it."""
        return {
            "source": self.data.source,
            "fingerprint": self.data.fingerprint,
            "rows": self.validation,
            "changes": [one.model_dump(mode="json") for one in self.changes],
            "findings": [one.model_dump(mode="json") for one in self.findings],
        }
