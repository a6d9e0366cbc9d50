"""The model card: what the model is for, how good it is, how it was made; Markdown with YAML front matter."""

from __future__ import annotations

import re
from typing import Any

import yaml

from upfit.report.sections import class_rows
from upfit.report.verdict import verdict
from upfit.report.words import candidate_label, duration, metric_label, number, with_interval
from upfit.values import Run
from upfit.values.shortened import shortened

MOST_CLASSES = 100
_PIPELINES = {
    ("image", False): "image-classification",
    ("text", False): "text-classification",
    ("image", True): "image-feature-extraction",
    ("text", True): "text-classification",
    ("table", False): "tabular-classification",
    ("table", True): "tabular-regression",
}


def model_card(run: Run) -> str:
    """The model card of a run, in the form that the Hugging Face hub reads.

    Names from the data are escaped for Markdown and for HTML.

    Example:
        >>> Path("README.md").write_text(model_card(run), encoding="utf-8")  # doctest: +SKIP
    """
    front = yaml.safe_dump(_front_matter(run), sort_keys=False, allow_unicode=True)
    sections = [
        f"---\n{front}---",
        f"# {_title(run)}",
        " ".join(verdict(run).sentences),
        "## How to use it\n\n" + _usage(run),
        "## Evaluation\n\n" + _metrics(run),
        _candidates(run),
        _classes(run),
        "## Training data\n\n" + _data(run),
        "## Training\n\n" + _training(run),
        "## Limits\n\n" + _limits(run),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def escaped(text: str, length: int = 80) -> str:
    r"""Text that Markdown and HTML show as it is, on one line, cut where it is long.

    >>> print(escaped("a|b <b>*c*</b>"))
    a\|b &lt;b&gt;\*c\*&lt;/b&gt;
    """
    line = shortened(text, length).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|#~!$])", r"\\\1", line)


def _front_matter(run: Run) -> dict[str, Any]:
    """What the hub indexes. No licence is named: it is the user's to choose."""
    modality, regression = run.schema.modality, run.schema.task == "regression"
    front: dict[str, Any] = {
        "library_name": "upfit",
        "pipeline_tag": _PIPELINES[modality, regression],
        "tags": ["upfit", "fine-tuning", run.schema.task],
        "metrics": [run.metric],
    }
    kind, _, name = run.recipe.backbone.partition(":")
    if kind == "hf" and re.fullmatch(r"[\w.-]+(/[\w.-]+)?", name):
        front["base_model"] = name
    front["model-index"] = [{"name": "upfit model", "results": [_indexed(run, front["pipeline_tag"])]}]
    return front


def _indexed(run: Run, pipeline: str) -> dict[str, Any]:
    split, found = ("test", run.test) if run.test else ("validation", run.validation)
    metrics = [
        {"type": name, "name": metric_label(name), "value": round(one.value, 6)}
        for name, one in found.items()
    ]
    dataset = {"name": "the user's own data", "type": "custom", "split": split}
    return {"task": {"type": pipeline}, "dataset": dataset, "metrics": metrics}


def _title(run: Run) -> str:
    target = escaped(", ".join(run.schema.target), 60)
    return f"{run.schema.modality.capitalize()} model for {target} ({run.schema.task})"


def _usage(run: Run) -> str:
    folder = str(run.folder) if run.folder else "RUN"
    inputs = {"image": '["a.jpg"]', "text": '["some text"]', "table": "frame"}[run.schema.modality]
    lines = ["import upfit", "", f"run = upfit.load_run({folder!r})", f"run.predict({inputs})"]
    return _fenced("python", "\n".join(lines))


def _metrics(run: Run) -> str:
    rows = ["| Metric | Validation | Test |", "|---|---|---|"]
    test = run.test or {}
    for name in sorted(run.validation, key=lambda name: name != run.metric):
        tested = with_interval(test[name], name) if name in test else "–"
        rows.append(f"| {metric_label(name)} | {with_interval(run.validation[name], name)} | {tested} |")
    times = "once" if run.test_openings == 1 else f"{run.test_openings} times"
    opened = f"The test part was opened {times}."
    return "\n".join([*rows, "", f"In brackets: 95 % intervals from a bootstrap over examples. {opened}"])


def _candidates(run: Run) -> str:
    if not run.candidates:
        return ""
    rows = [
        f"| Candidate | {metric_label(run.metric)}, validation | The winner's gain over it |",
        "|---|---|---|",
    ]
    for one in run.candidates:
        value = with_interval(one.validation[run.metric], run.metric) if run.metric in one.validation else "–"
        margin = with_interval(one.margin, run.metric, sign=True) if one.margin else ""
        rows.append(f"| {candidate_label(one.name)} | {value} | {'**chosen**' if one.chosen else margin} |")
    return "\n".join(rows)


def _classes(run: Run) -> str:
    if run.predictions is None or not run.schema.classes or len(run.predictions.rows) == 0:
        return ""
    rows = [
        "### Classes, the weakest first",
        "",
        "| Class | Precision | Recall | Examples |",
        "|---|---|---|---|",
    ]
    found = class_rows(run, run.predictions)
    for row in found[:MOST_CLASSES]:
        label = escaped(run.schema.classes[row.index])
        rows.append(f"| {label} | {row.precision:.2f} | {row.recall:.2f} | {row.support} |")
    if len(found) > MOST_CLASSES:
        rows.append(f"\n{len(found) - MOST_CLASSES} stronger classes are left out.")
    return "\n".join(rows)


def _data(run: Run) -> str:
    split = run.split
    columns = ", ".join(f"{escaped(one.name)} ({one.kind})" for one in run.schema.columns)
    parts = (("training", split.train), ("validation", split.validation), ("test", split.test))
    sizes = ", ".join(f"{len(rows):,} for {name}" for name, rows in parts)
    how = f"split: {escaped(split.how)}"
    return f"Inputs: {columns}. Examples: {sizes}; {how}. Content: `{run.data_fingerprint[:16]}`."


def _training(run: Run) -> str:
    result = run.result
    facts = [f"Backbone: {escaped(run.recipe.backbone)}"]
    if "trained_parameters" in result:
        facts.append(f"trained parameters: {result['trained_parameters']:,}")
    if "epochs" in result:
        facts.append(f"epochs: {number(float(result['epochs']))}")
    if "seconds" in result:
        facts.append(f"time: {duration(float(result['seconds']))}")
    return ", ".join(facts) + ".\n\n" + _fenced("yaml", run.recipe.to_yaml().rstrip())


def _limits(run: Run) -> str:
    lines = ["The values above hold for data like those it was measured on, and for no others."]
    error = (run.test or run.validation).get("calibration_error")
    if error is not None:
        lines.append(f"Its probabilities are off by {number(error.value, 'calibration_error')} on average.")
    findings = [f"- {escaped(one.message, 300)}" for one in run.findings if one.severity != "info"]
    return "\n".join([" ".join(lines), *([""] if findings else []), *findings])


def _fenced(language: str, text: str) -> str:
    """A code block that the text cannot end: its fence is longer than any run of backticks within."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"
