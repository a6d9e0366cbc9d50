"""The attempts before a repaired run: what each suffered from, and how far it came."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from upfit.diagnose import diagnose
from upfit.measure import best_value
from upfit.report.charts import CURVE, finite
from upfit.report.svg import INK, SECOND, Spec, drawn, line
from upfit.report.words import metric_label, number
from upfit.store import read_trace
from upfit.values import Run, Trace


@dataclass(frozen=True)
class Attempt:
    """A tuning that was found ill and set aside, in `attempts/` of the run folder.

    Args:
        number: From 1.
        verdict: What it was diagnosed with, in a sentence.
        steps: How many it took.
        best: The best value of the metric on validation, as shown.
        trace: What was observed.
    """

    number: int
    verdict: str
    steps: int
    best: str
    trace: Trace


def attempts_of(run: Run) -> tuple[Attempt, ...]:
    """The attempts that were set aside, in order; none where the run has no folder."""
    if run.folder is None:
        return ()
    folders = sorted((run.folder / "attempts").glob("*"), key=lambda path: path.name)
    traces = [read_trace(folder / "trace.jsonl") for folder in folders]
    return tuple(
        Attempt(n, diagnose(one).verdict, one.steps[-1].step, best_of(one, run.metric), one)
        for n, one in enumerate(traces, start=1)
        if one.steps
    )


def best_of(trace: Trace, metric: str) -> str:
    """The best value of a metric on validation, as shown; `–` where it was not measured."""
    best = best_value((one.metrics.get(metric, math.nan) for one in trace.evaluations), metric)
    return "–" if math.isnan(best) else number(best, metric)


def attempts_chart(run: Run, earlier: Sequence[Attempt]) -> Markup | None:
    """The metric on validation over the steps of every attempt; None where nothing was measured."""
    curves = [_curve(one.trace, run.metric) for one in earlier]
    last = _curve(run.trace, run.metric)
    if not last or not any(curves):
        return None
    layers = [line(curve, INK, dots=True) for curve in curves if curve] + [line(last, SECOND, dots=True)]
    x: Spec = {"title": "step", "axis": {"format": "~s", "grid": False}}
    y: Spec = {"title": metric_label(run.metric)}
    alt = f"{metric_label(run.metric)} on validation over the steps of each attempt"
    return drawn(layers, size=CURVE, x=x, y=y, alt=alt)


def _curve(trace: Trace, metric: str) -> list[tuple[float, float]]:
    return finite([(float(one.step), one.metrics.get(metric, math.nan)) for one in trace.evaluations])
