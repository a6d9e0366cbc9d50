"""Audit: what was found, the plan that could cure it, and both as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from upfit.audit.finding import listed, plan_of
from upfit.values import Data, Finding, Plan


@dataclass(frozen=True, eq=False)
class Audit:
    """What an audit found.

    Args:
        data: What was audited.
        findings: The gravest first; each names its rows and proposes what to do.
        looked_at: Rows that had features; the others were checked without.
    """

    data: Data
    findings: tuple[Finding, ...]
    looked_at: int

    def __repr__(self) -> str:
        """The findings, a line each."""
        return listed(f"Audit of {len(self.data):,} rows:", self.findings)

    @property
    def plan(self) -> Plan:
        """All proposed edits, for `upfit clean`; to be read, and cut down, by a person."""
        return plan_of(self.data, self.findings)

    @property
    def severe_share(self) -> float:
        """Part of all rows that some finding of severity `error` names."""
        severe = {row for one in self.findings if one.severity == "error" for row in one.rows}
        return len(severe) / max(1, len(self.data))

    def to_dict(self) -> dict[str, Any]:
        """Everything but the data, as JSON would have it."""
        return {
            "source": self.data.source,
            "fingerprint": self.data.fingerprint,
            "rows": len(self.data),
            "rows_with_features": self.looked_at,
            "severe_share": self.severe_share,
            "findings": [finding.model_dump(mode="json") for finding in self.findings],
        }
