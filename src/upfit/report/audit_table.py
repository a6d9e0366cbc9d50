"""What an audit found, for the terminal: one line a finding, the gravest first."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from upfit.report.deeds import deeds
from upfit.report.printable import printable
from upfit.values import Finding
from upfit.values.shortened import shortened

_STYLES = {"error": "bold red", "warning": "yellow", "info": "dim"}
SHOWN = 2


def audit_table(findings: Sequence[Finding], *, examples: int = SHOWN) -> RenderableType:
    """A table for terminals; everything from the data is plain text, never markup."""
    if not findings:
        return Text("Nothing stood out.")
    table = Table(show_header=False, box=None, padding=(0, 1, 0, 0), expand=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        table.add_row(
            Text(finding.severity, style=_STYLES[finding.severity]), Text(printable(finding.message))
        )
        for one in finding.examples[:examples]:
            table.add_row("", Padding(Text(printable(shortened(one, 110)), style="dim"), (0, 0, 0, 2)))
    return table


def audit_lines(findings: Sequence[Finding], *, examples: int = SHOWN, cures: bool = False) -> str:
    """The same as plain lines, for logs and pipes; with `cures`, what may help stands below each."""
    lines = []
    for finding in findings:
        head = f"{finding.severity:<8}"
        lines += textwrap.wrap(finding.message, 100, initial_indent=head, subsequent_indent=" " * 8)
        lines += ["          " + shortened(one, 100) for one in finding.examples[:examples]]
        lines += ["        → " + one for one in _helps(finding)] if cures else []
    return printable("\n".join(lines)) or "Nothing stood out."


def _helps(finding: Finding) -> list[str]:
    """What may help: changes of the recipe, edits of the data, and what only a person can do."""
    changes = [f"{one.flag}  ({one.because})" for one in finding.cures]
    return [*changes, *deeds(finding), *([finding.advice] if finding.advice else [])]
