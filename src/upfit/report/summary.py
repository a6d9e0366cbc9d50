"""What a run reached, for the end of a command: as a rich table or as plain lines."""

from __future__ import annotations

from rich.console import Group
from rich.table import Table
from rich.text import Text

from upfit.report.verdict import verdict
from upfit.report.words import better_is, candidate_label, metric_label, with_interval
from upfit.values import Run


def result_summary(run: Run) -> Group:
    """Metrics with intervals, candidates with margins, and where the report lies, for a terminal."""
    parts: list[Table | Text] = [_metrics(run)]
    if run.candidates:
        parts += [Text(), _candidates(run)]
    parts += [Text(), *(Text(line) for line in _closing(run))]
    return Group(*parts)


def plain_summary(run: Run) -> str:
    """The same as `result_summary`, in plain lines of at most about 100 characters."""
    lines = []
    for name, validation, test in _metric_rows(run):
        tested = f"  test {test}" if test else ""
        lines.append(f"{metric_label(name):24} validation {validation}{tested}")
    lines += [
        f"{candidate_label(name):28} {value:28}{margin}" for name, value, margin in _candidate_rows(run)
    ]
    return "\n".join([*lines, *_closing(run)])


def _metrics(run: Run) -> Table:
    table = Table(title="Result, with 95 % intervals", title_justify="left", box=None, padding=(0, 2, 0, 0))
    table.add_column("Metric")
    table.add_column("Validation", justify="right")
    table.add_column("Test", justify="right")
    for name, validation, test in _metric_rows(run):
        style = "bold" if name == run.metric else ""
        table.add_row(Text(metric_label(name)), Text(validation), Text(test or "–"), style=style)
    return table


def _candidates(run: Run) -> Table:
    title = f"Candidates, on validation ({metric_label(run.metric)}, {better_is(run.metric)} is better)"
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0))
    table.add_column("Candidate")
    table.add_column("Value", justify="right")
    table.add_column("The winner's gain over it")
    for candidate, row in zip(run.candidates, _candidate_rows(run), strict=True):
        style = "bold green" if candidate.chosen else ""
        table.add_row(Text(candidate_label(row[0])), Text(row[1]), Text(row[2]), style=style)
    return table


def _metric_rows(run: Run) -> list[tuple[str, str, str]]:
    """(name, validation, test) of every metric, the one that decided first."""
    names = sorted(run.validation, key=lambda name: name != run.metric)
    test = run.test or {}
    rows = []
    for name in names:
        tested = with_interval(test[name], name) if name in test else ""
        rows.append((name, with_interval(run.validation[name], name), tested))
    return rows


def _candidate_rows(run: Run) -> list[tuple[str, str, str]]:
    rows: list[tuple[str, str, str]] = []
    for one in run.candidates:
        found = one.validation.get(run.metric)
        value = with_interval(found, run.metric) if found else "–"
        margin = with_interval(one.margin, run.metric, sign=True) if one.margin else ""
        rows.append((one.name, value, "chosen" if one.chosen else margin))
    return rows


def _closing(run: Run) -> list[str]:
    lines = list(verdict(run).sentences)
    worst = [one for one in run.findings if one.severity != "info"]
    if worst:
        kinds = ", ".join(sorted({one.kind for one in worst}))
        lines.append(f"{len(worst)} finding{'s' * (len(worst) > 1)} to look at: {kinds}")
    if run.folder is not None:
        lines.append(f"report: {run.folder / 'report.html'}")
        lines.append(f"use it: upfit predict {run.folder} INPUT")
    return lines
