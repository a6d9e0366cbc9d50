"""Charts of the health section: the run over its steps, with the alarms on the curves."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from upfit.report.charts import CURVE, finite, loss_axis, smoothed, steps_axis, thinned
from upfit.report.svg import FIRST, INK, SECOND, Spec, alarms, drawn, line
from upfit.report.words import metric_label
from upfit.values import Trace

Marks = Sequence[tuple[float, str]]
Chart = tuple[str, str, Markup]
STEADY = (1e-5, 0.1)
"""Sizes of a step beside the weights between which training is neither stuck nor wild."""


def charts(trace: Trace, metric: str, marks: Marks) -> tuple[Chart, ...]:
    """(caption, remark, drawing) of what was recorded; nothing for what was not."""
    found = (
        timeline(trace, marks),
        gradients(trace, marks),
        updates(trace, marks),
        training_metric(trace, metric, marks),
        silent_units(trace, marks),
    )
    return tuple(one for one in found if one is not None)


def timeline(trace: Trace, marks: Marks) -> Chart:
    """Training and validation loss, with the alarms."""
    steps = finite([(float(one.step), one.loss) for one in trace.steps])
    judged = finite([(float(one.step), one.loss) for one in trace.evaluations])
    layers = [line(thinned(smoothed(steps)), FIRST), line(judged, SECOND, dots=True), *alarms(marks)]
    drawing = _drawn(layers, trace, loss_axis(steps, judged), "Loss over steps, with alarms")
    return "Loss", "training and validation", drawing


def gradients(trace: Trace, marks: Marks) -> Chart | None:
    """Gradient norm of the first and the last layer group that learn."""
    ends = _ends([(one.step, one.gradient_norms) for one in trace.healths])
    if ends is None:
        return None
    names, first, last = ends
    y: Spec = {"title": "gradient norm", "scale": {"type": "log"}, "axis": {"format": "~g"}}
    layers = [line(first, INK, width=1.5), line(last, SECOND, width=1.5), *alarms(marks)]
    note = f"{names[1]} blue, {names[0]} grey" if names[0] != names[1] else names[0]
    drawing = _drawn(layers, trace, y, "Gradient norm of the first and the last layers over steps")
    return "Gradients, first and last layers", note, drawing


def updates(trace: Trace, marks: Marks) -> Chart | None:
    """Size of the steps beside the weights: the largest and the smallest of all layer groups."""
    ratios = [(float(one.step), list(one.update_ratios.values())) for one in trace.healths]
    ratios = [(step, [r for r in values if r > 0 and math.isfinite(r)]) for step, values in ratios]
    high = [(step, max(values)) for step, values in ratios if values]
    low = [(step, min(values)) for step, values in ratios if values]
    if not high:
        return None
    last = max(step for step, _ in high)
    limits = [line([(0.0, edge), (last, edge)], INK, width=0.7, opacity=0.7) for edge in STEADY]
    y: Spec = {"title": "step / weights", "scale": {"type": "log"}, "axis": {"format": "~e"}}
    layers = [*limits, line(high, SECOND, width=1.5), line(low, INK, width=1.5), *alarms(marks)]
    note = "largest blue, smallest grey; healthy between the thin lines, until the rate decays"
    return "Size of the steps", note, _drawn(layers, trace, y, "Update to weight ratio over steps")


def training_metric(trace: Trace, metric: str, marks: Marks) -> Chart | None:
    """The score on the probe's training examples beside the one on validation."""
    probed = finite([(float(one.step), one.train_metric) for one in trace.healths])
    name = metric if metric in ("accuracy", "r2") else "accuracy"
    judged = finite([(float(e.step), e.metrics[name]) for e in trace.evaluations if name in e.metrics])
    if not probed or not judged:
        return None
    layers = [line(probed, FIRST, dots=True), line(judged, SECOND, dots=True), *alarms(marks)]
    y: Spec = {"title": metric_label(name), "scale": {"zero": False}}
    note = "on examples that it learns from, and on validation"
    return metric_label(name), note, _drawn(layers, trace, y, "Training and validation metric over steps")


def silent_units(trace: Trace, marks: Marks) -> Chart | None:
    """The worst layer's share of units that never fire."""
    points = [(float(one.step), max(one.dead.values())) for one in trace.healths if one.dead]
    if not points:
        return None
    y: Spec = {"title": "share of units", "scale": {"domain": [0, 1]}}
    layers = [line(points, SECOND, dots=True), *alarms(marks)]
    return "Units that never fire", "the worst layer", _drawn(layers, trace, y, "Dead units over steps")


def _drawn(layers: list[Spec], trace: Trace, y: Spec, alt: str) -> Markup:
    return drawn(layers, size=CURVE, x=steps_axis(trace), y=y, alt=alt)


def _ends(
    looks: Sequence[tuple[int, dict[str, float]]],
) -> tuple[tuple[str, str], list[tuple[float, float]], list[tuple[float, float]]] | None:
    """Curves of the first and the last layer of the latest look; None without any."""
    looks = [(step, norms) for step, norms in looks if norms]
    if not looks:
        return None
    names = list(looks[-1][1])
    first, last = (
        [(float(step), norms[n]) for step, norms in looks if norms.get(n, 0) > 0 and math.isfinite(norms[n])]
        for n in (names[0], names[-1])
    )
    return ((names[0], names[-1]), first, last) if first and last else None
