"""Drawing: Vega-Lite layers become inline SVG, offline, in colours that the page sets.

Nothing that a user named goes into a drawing: only numbers and our own words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import vl_convert
from markupsafe import Markup

Spec = dict[str, Any]
Points = Sequence[tuple[float, float]]

# Placeholders for the page's colours, so that one drawing serves light and dark.
INK, GRID, FIRST, SECOND, MARK = "#010203", "#010204", "#010205", "#010206", "#010207"
ALARM, PAPER = "#010208", "#010209"
_VARIABLES = {
    INK: "--muted",
    GRID: "--line",
    FIRST: "--train",
    SECOND: "--accent",
    MARK: "--mark",
    ALARM: "--bad",
    PAPER: "--page",
}

_CONFIG: Spec = {
    "background": None,
    "font": "system-ui, sans-serif",
    "padding": {"left": 2, "right": 8, "top": 6, "bottom": 2},
    "view": {"stroke": None},
    "axis": {
        "labelColor": INK, "titleColor": INK, "titleFontWeight": "normal", "labelFontSize": 11,
        "titleFontSize": 12, "gridColor": GRID, "domainColor": GRID, "tickColor": GRID, "tickCount": 5,
        "titlePadding": 8,
    },
}  # fmt: skip
_SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"


def line(points: Points, color: str, *, width: float = 2, opacity: float = 1.0, dots: bool = False) -> Spec:
    """A line through (x, y) points, with a dot on each where `dots`."""
    mark: Spec = {"type": "line", "color": color, "strokeWidth": width, "opacity": opacity}
    # A dot on the edge of the plot stays whole; a bare line may leave the plot and is cut there.
    mark["clip"] = not dots
    if dots:
        mark["point"] = {"color": color, "size": 28, "filled": True, "opacity": 1}
    return _layer(points, mark)


def circles(points: Points, color: str, *, opacity: float = 0.5, size: float = 22) -> Spec:
    """A dot per point."""
    return _layer(points, {"type": "circle", "color": color, "opacity": opacity, "size": size, "clip": True})


def ring(points: Points, color: str) -> Spec:
    """A ring around each point, to single it out."""
    return _layer(points, {"type": "point", "color": color, "size": 150, "strokeWidth": 2})


def rules(numbered: Sequence[tuple[float, str]]) -> list[Spec]:
    """Dashed vertical lines at (x, label)."""
    if not numbered:
        return []
    data = {"values": [{"x": x, "label": label} for x, label in numbered]}
    across = {"field": "x", "type": "quantitative"}
    rule = {"type": "rule", "color": MARK, "strokeDash": [3, 3], "opacity": 0.8}
    text = {"type": "text", "color": MARK, "align": "right", "baseline": "top", "dx": -3, "fontSize": 11}
    return [
        {"data": data, "mark": rule, "encoding": {"x": across}},
        {
            "data": data,
            "mark": text,
            "encoding": {"x": across, "y": {"value": 0}, "text": {"field": "label"}},
        },
    ]


def alarms(lettered: Sequence[tuple[float, str]]) -> list[Spec]:
    """Solid vertical lines at (x, letter), with the letter in a disc at their foot."""
    if not lettered:
        return []
    data = {"values": [{"x": x, "label": label} for x, label in lettered]}
    across = {"field": "x", "type": "quantitative"}
    foot = {"value": {"expr": "height - 9"}}
    text = {"type": "text", "color": PAPER, "fontSize": 10, "fontWeight": "bold"}
    return [
        {"data": data, "mark": {"type": "rule", "color": ALARM, "opacity": 0.75}, "encoding": {"x": across}},
        {
            "data": data,
            "mark": {"type": "point", "shape": "circle", "size": 210, "color": ALARM, "filled": True},
            "encoding": {"x": across, "y": foot},
        },
        {
            "data": data,
            "mark": text,
            "encoding": {"x": across, "y": foot, "text": {"field": "label"}},
        },
    ]


def drawn(layers: Sequence[Spec], *, size: tuple[int, int], x: Spec, y: Spec, alt: str) -> Markup:
    """The layers over one pair of axes, as an `<svg>` element for a page that defines the colours.

    Args:
        layers: What to draw, the first lowest.
        size: Width and height of the plot, in CSS pixels.
        x: `{"title": …}`, and optionally a Vega-Lite `scale` and `axis`.
        y: The same, upwards.
        alt: What a screen reader says.
    """
    spec = {
        "$schema": _SCHEMA,
        "width": size[0],
        "height": size[1],
        "autosize": {"type": "fit", "contains": "padding"},
        "layer": [_with_axes(layer, x, y) for layer in layers],
        "config": _CONFIG,
    }
    svg: str = vl_convert.vegalite_to_svg(spec)
    return _inlined(svg, alt)


def _layer(points: Points, mark: Spec) -> Spec:
    xs = {"field": "x", "type": "quantitative"}
    ys = {"field": "y", "type": "quantitative"}
    values = [{"x": x, "y": y} for x, y in points]
    return {"data": {"values": values}, "mark": mark, "encoding": {"x": xs, "y": ys}}


def _with_axes(layer: Spec, x: Spec, y: Spec) -> Spec:
    axes = {"x": x, "y": y}
    encoding = {
        name: {**channel, **axes[name]} if "field" in channel and name in axes else channel
        for name, channel in layer["encoding"].items()
    }
    return {**layer, "encoding": encoding}


def _inlined(svg: str, alt: str) -> Markup:
    """An SVG file's text as part of a page: no namespaces, our colours, one description."""
    svg = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", svg)
    svg = re.sub(r'\saria-\w+="[^"]*"|\srole="[^"]*"', "", svg)
    for placeholder, variable in _VARIABLES.items():
        svg = svg.replace(placeholder, f"var({variable})")
    return Markup(svg.replace("<svg", Markup('<svg role="img" aria-label="{}"').format(alt), 1))
