"""The report's charts: what happened over the steps, calibration, and predicted against actual."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from upfit.measure import Bin
from upfit.measure.arrays import Array
from upfit.report.svg import FIRST, INK, SECOND, Points, Spec, circles, drawn, line, ring, rules
from upfit.report.words import metric_label
from upfit.values import Event, Trace

MOST_POINTS = 300
MOST_DOTS = 1500
_POWERS = (
    "datum.value == 0 ? '0' : datum.value >= 0.01 ? format(datum.value, '~g') : format(datum.value, '~e')"
)
CURVE, _SQUARE = (460, 240), (340, 320)


def loss_chart(trace: Trace) -> Markup:
    """Training loss (each step faint, smoothed strong), validation loss, and what happened."""
    steps = finite([(float(one.step), one.loss) for one in trace.steps])
    judged = finite([(float(one.step), one.loss) for one in trace.evaluations])
    best = [(float(one.step), one.loss) for one in trace.evaluations if one.best][-1:]
    layers = [
        line(thinned(steps), FIRST, width=1, opacity=0.35),
        line(thinned(smoothed(steps)), FIRST),
        line(judged, SECOND, dots=True),
        ring(finite(best), SECOND),
        *_events(trace),
    ]
    y, alt = loss_axis(steps, judged), "Training and validation loss over steps"
    return drawn(layers, size=CURVE, x=steps_axis(trace), y=y, alt=alt)


def metric_chart(trace: Trace, metric: str) -> Markup:
    """The deciding metric on validation."""
    measured = [one for one in trace.evaluations if metric in one.metrics]
    points = finite([(float(one.step), one.metrics[metric]) for one in measured])
    best = [(float(one.step), one.metrics[metric]) for one in measured if one.best][-1:]
    layers = [line(points, SECOND, dots=True), ring(finite(best), SECOND), *_events(trace)]
    label = metric_label(metric)
    y: Spec = {"title": label, "scale": {"zero": False}}
    return drawn(layers, size=CURVE, x=steps_axis(trace), y=y, alt=f"{label} on validation over steps")


def rate_chart(trace: Trace) -> Markup:
    """The learning rate."""
    points = thinned(finite([(float(one.step), one.lr) for one in trace.steps]))
    layers = [line(points, FIRST), *_events(trace)]
    y: Spec = {"title": "learning rate", "axis": {"labelExpr": _POWERS}}
    return drawn(layers, size=CURVE, x=steps_axis(trace), y=y, alt="Learning rate over steps")


def gradient_chart(trace: Trace) -> Markup | None:
    """The gradient norm before clipping, on a logarithmic scale; None where nothing measured it."""
    steps = finite([(float(one.step), one.gradient_norm) for one in trace.steps])
    steps = [point for point in steps if point[1] > 0]
    if not steps:
        return None
    layers = [
        line(thinned(steps), FIRST, width=1, opacity=0.35),
        line(thinned(smoothed(steps)), FIRST),
        *_events(trace),
    ]
    y: Spec = {"title": "gradient norm", "scale": {"type": "log"}, "axis": {"format": "~g"}}
    return drawn(layers, size=CURVE, x=steps_axis(trace), y=y, alt="Gradient norm over steps")


def calibration_chart(bins: Sequence[Bin]) -> Markup:
    """How often the model was right against how sure it was, by bins of equal mass."""
    points = [(one.confidence, one.accuracy) for one in bins]
    low = math.floor(10 * min([0.9, *(min(point) for point in points)])) / 10
    scale: Spec = {"scale": {"domain": [low, 1]}}
    layers = [_diagonal(low, 1.0), line(points, SECOND, dots=True)]
    x, y = {"title": "confidence", **scale}, {"title": "fraction right", **scale}
    return drawn(layers, size=_SQUARE, x=x, y=y, alt="Fraction right against confidence")


def regression_chart(said: Array, true: Array) -> Markup:
    """Predicted against actual values, a random 1,500 examples at most."""
    if len(said) > MOST_DOTS:
        rows = np.random.default_rng(0).choice(len(said), MOST_DOTS, replace=False)
        said, true = said[rows], true[rows]
    low, high = float(min(said.min(), true.min())), float(max(said.max(), true.max()))
    scale: Spec = {"scale": {"zero": False, "nice": True}}
    dots = circles(list(zip(true.tolist(), said.tolist(), strict=True)), SECOND)
    x, y = {"title": "actual", **scale}, {"title": "predicted", **scale}
    return drawn([_diagonal(low, high), dots], size=_SQUARE, x=x, y=y, alt="Predicted against actual values")


def steps_axis(trace: Trace) -> Spec:
    """The axis of steps, from 0 to the last that anything was seen at."""
    seen = [one.step for one in trace.steps] + [one.step for one in trace.evaluations]
    last = max([1, *seen, *(one.step for one in happened(trace))])
    axis = {"format": "~s", "grid": False}
    return {"title": "step", "scale": {"domain": [0, last], "nice": False}, "axis": axis}


def happened(trace: Trace) -> tuple[Event, ...]:
    """What bent or ended the run; what one-step tests measured is no such thing."""
    return tuple(event for event in trace.events if event.kind != "measured")


def _events(trace: Trace) -> list[Spec]:
    """Numbered rules; the page lists what the numbers mean."""
    return rules([(float(event.step), str(k)) for k, event in enumerate(happened(trace), 1)])


def _diagonal(low: float, high: float) -> Spec:
    return line([(low, low), (high, high)], INK, width=1, opacity=0.7)


def finite(points: Points) -> list[tuple[float, float]]:
    """The points whose value is a number."""
    return [point for point in points if math.isfinite(point[1])]


def smoothed(points: Points) -> list[tuple[float, float]]:
    """A running mean over a twentieth of the points, centred, so that it does not lag behind."""
    reach = len(points) // 40
    sums = np.concatenate([[0.0], np.cumsum([value for _, value in points])])
    places = np.arange(len(points))
    first, last = np.maximum(places - reach, 0), np.minimum(places + reach + 1, len(points))
    means = (sums[last] - sums[first]) / np.maximum(last - first, 1)
    return [(x, float(mean)) for (x, _), mean in zip(points, means, strict=True)]


def thinned(points: Points) -> list[tuple[float, float]]:
    """At most 300 points, each the mean of its neighbourhood."""
    if len(points) <= MOST_POINTS:
        return list(points)
    parts = np.array_split(np.asarray(points), MOST_POINTS)
    return [(float(part[-1, 0]), float(part[:, 1].mean())) for part in parts]


def loss_axis(steps: Points, judged: Points) -> Spec:
    """The axis of losses: a few early spikes must not flatten all that is worth seeing."""
    losses = [loss for _, loss in steps]
    if not losses:
        return {"title": "loss"}
    usual = float(np.quantile(losses, 0.98))
    top = 1.05 * max([usual, *(loss for _, loss in judged[1:])])
    return {"title": "loss", "scale": {"domain": [0, top]}} if top else {"title": "loss"}
