"""The report: one HTML page that needs nothing else, neither the network nor scripts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from upfit.measure import calibration_bins
from upfit.report import charts, sections
from upfit.report.health import health_of
from upfit.report.printable import printable
from upfit.report.verdict import verdict
from upfit.report.words import duration, metric_label, metric_phrase, number
from upfit.report.worst import worst_examples
from upfit.values import Data, Predictions, Run


def _shown(value: Any) -> Any:
    """What a page shows of a value: a name may no more turn the page's own words around than run."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    finalize=_shown,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.filters["number"] = number


def html_report(run: Run, data: Data | None, *, environment: Mapping[str, Any]) -> str:
    """The report of a run as an HTML page.

    The page asks for nothing over the network: its styles, charts and pictures are inside it, and its
    Content-Security-Policy forbids everything else. All text from the data is escaped.

    Args:
        run: The finished run.
        data: The data it was trained on, to show the worst errors; without it they are left out.
        environment: What the run ran on: versions, processor, threads, precision; shown as it is.

    Example:
        >>> page = html_report(run, data, environment={"python": "3.11"})  # doctest: +SKIP
        >>> Path("report.html").write_text(page, encoding="utf-8")         # doctest: +SKIP
    """
    page = TEMPLATES.get_template("report.html.j2")
    return page.render(
        run=run,
        source=data.source if data else "",
        verdict=verdict(run),
        metric=metric_phrase(run.metric),
        facts=_facts(run),
        metric_rows=sections.metric_rows(run),
        candidates=sections.candidate_rows(run),
        curves=_curves(run),
        events=charts.happened(run.trace),
        health=health_of(run),
        environment=environment,
        shown=sections.MOST_ROWS,
        **_judged(run, data, run.predictions),
    )


def _facts(run: Run) -> tuple[tuple[str, str], ...]:
    """The run at a glance: (label, value)."""
    split, result = run.split, run.result
    facts = [
        ("Task", run.schema.task + (f", {len(run.schema.classes)} classes" if run.schema.classes else "")),
        ("Backbone", run.recipe.backbone),
        ("Training examples", f"{len(split.train):,}"),
        ("Validation / test", f"{len(split.validation):,} / {len(split.test):,}"),
    ]
    if "trained_parameters" in result:
        facts.append(("Trained parameters", f"{result['trained_parameters']:,}"))
    if "seconds" in result:
        facts.append(("Time", duration(float(result["seconds"]))))
    if "peak_rss_mb" in result:
        facts.append(("Peak memory", f"{float(result['peak_rss_mb']):,.0f} MiB"))
    facts.append(("Seed", str(run.recipe.seed)))
    return tuple(facts)


def _curves(run: Run) -> tuple[tuple[str, Markup], ...]:
    """(caption, chart) of what was seen over the steps; none for a run that took no step."""
    if not run.trace.steps:
        return ()
    found: list[tuple[str, Markup | None]] = [("Loss", charts.loss_chart(run.trace))]
    if any(run.metric in one.metrics for one in run.trace.evaluations):
        label = f"{metric_label(run.metric)} on validation"
        found.append((label, charts.metric_chart(run.trace, run.metric)))
    found.append(("Learning rate", charts.rate_chart(run.trace)))
    found.append(("Gradient norm, before clipping", charts.gradient_chart(run.trace)))
    return tuple((caption, chart) for caption, chart in found if chart is not None)


def _judged(run: Run, data: Data | None, predictions: Predictions | None) -> dict[str, Any]:
    """What the validation predictions show: confusions, calibration, classes, worst examples."""
    found: dict[str, Any] = dict.fromkeys(("matrix", "pairs", "scatter", "calibration"))
    found |= {"class_rows": (), "worst": ()}
    if predictions is None or len(predictions.rows) == 0:
        return found
    task, classes = run.schema.task, run.schema.classes
    if task == "regression":
        found["scatter"] = charts.regression_chart(predictions.scores[:, 0], predictions.targets)
    else:
        # Bins of fewer than ten examples would show noise.
        bins = max(2, min(15, predictions.targets.size // 10))
        points = calibration_bins(task, predictions.scores, predictions.targets, bins=bins)
        found["calibration"] = charts.calibration_chart(points)
        found["class_rows"] = sections.class_rows(run, predictions)
    if task in ("binary", "multiclass") and len(classes) <= sections.MOST_CLASSES:
        found["matrix"] = sections.confusion_rows(predictions, classes)
    elif task == "multiclass":
        found["pairs"] = sections.confused_pairs(predictions, classes)
    if data is not None:
        found["worst"] = worst_examples(data, predictions)
    return found
