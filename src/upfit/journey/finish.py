"""The end of a journey: choose on validation, open the test set once, save the model, write the report."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from upfit.data.targets import targets
from upfit.data.tokens import segment_count
from upfit.errors import UpfitError
from upfit.journey.saved_model import SavedModel
from upfit.measure import (
    baseline_scores,
    evidence,
    higher_is_better,
    metrics,
    paired_gain,
)
from upfit.models import Head, Network, load_backbone
from upfit.report.card import model_card
from upfit.report.html import html_report
from upfit.report.mlflow import log_run
from upfit.store import RunFolder, read_trace
from upfit.store.run_folder import estimates_to_json
from upfit.train.fitted import Fitted
from upfit.train.learning import learning_names
from upfit.train.recorder import peak_rss_mb
from upfit.train.timing import Clock
from upfit.train.workbench import Workbench
from upfit.values import Candidate, Data, Estimate, Finding, Predictions, Rows, Run, Task, Watcher
from upfit.values.layers import Trained

Scores = npt.NDArray[np.float32]


def finish_run(
    folder: RunFolder,
    bench: Workbench,
    fitted: tuple[Fitted, ...],
    findings: tuple[Finding, ...],
    *,
    metric: str,
    clock: Clock,
    mlflow: str | None,
) -> Run:
    """Judge the candidates, and leave a finished run folder behind."""
    best = max(fitted, key=lambda one: _rank(bench, one.scores, metric))
    candidates = judge(bench, fitted, best, metric)
    saved = SavedModel(chosen_network(bench, best, fitted), bench.data.schema, bench.objective, bench.recipe)
    test = None
    if len(bench.split.test):
        test = _opened(saved, bench.data, bench.split.test, folder=folder, metric=metric)
    chosen = next(one for one in candidates if one.chosen)
    result = _result(bench, saved.network, candidates, test, findings, metric=metric, folder=folder)
    predictions = Predictions(bench.split.validation, best.scores, bench.validation_targets)
    if folder.writes:
        saved.save(folder.path / "model")
        folder.write_predictions(predictions)
        folder.write_findings(findings)
        folder.write_json("candidates.json", [candidate_to_json(one) for one in candidates])
        folder.write_json("environment.json", environment(bench))
    opener = partial(_opened, saved, bench.data, bench.split.test, folder=folder, metric=metric)
    run = Run(
        recipe=bench.recipe,
        schema=bench.data.schema,
        data_fingerprint=bench.data.fingerprint,
        split=bench.split,
        trace=read_trace(folder.path / "trace.jsonl"),
        metric=metric,
        validation=chosen.validation,
        candidates=candidates,
        test=test,
        test_openings=folder.openings(),
        findings=findings,
        ledger=folder.read_ledger(),
        predictions=predictions,
        result={**result, "seconds": clock.spent},
        folder=folder.path,
        module=saved.network,
        predictor=saved.predict,
        test_opener=opener if len(bench.split.test) else None,
    )
    if folder.writes:
        folder.write_text("report.html", html_report(run, bench.data, environment=environment(bench)))
        folder.write_text("model_card.md", model_card(run))
        # Last, since it marks the run as finished.
        folder.write_json("result.json", {**result, "seconds": clock.spent})
        folder.remove("checkpoints")
        folder.remove("candidates")
        for earlier in (folder.path / "attempts").glob("*/candidates"):
            folder.remove(str(earlier.relative_to(folder.path)))
        _track(run, bench.watcher, mlflow)
    bench.world.wait()
    return run


def judge(bench: Workbench, fitted: tuple[Fitted, ...], best: Fitted, metric: str) -> tuple[Candidate, ...]:
    """Every candidate and the baseline with intervals, and the winner's paired margin over each."""
    task, truth = bench.data.schema.task, bench.validation_targets
    base = baseline_scores(task, bench.train_targets, len(truth), bench.data.schema.outputs)
    name = "mean" if task == "regression" else "majority"
    rows: list[tuple[Any, Scores, float]] = [(name, base, 0.0)]
    rows += [(one.name, one.scores, one.seconds) for one in fitted]
    return tuple(
        Candidate(
            name=label,
            validation=evidence(task, scores, truth, also=metric),
            seconds=seconds,
            chosen=label == best.name,
            margin=None if label == best.name else paired_gain(task, metric, best.scores, scores, truth),
        )
        for label, scores, seconds in rows
    )


def chosen_network(bench: Workbench, best: Fitted, fitted: tuple[Fitted, ...]) -> Network:
    """The winner as one network: pretrained or tuned backbone, with its own head."""
    schema = bench.data.schema
    backbone = load_backbone(bench.recipe.backbone, schema.modality, segments=segment_count(schema))  # type: ignore[arg-type]
    network = Network(backbone, Head(backbone.width, bench.data.schema.outputs))
    if best.name != "probe":
        tuned = next(one for one in fitted if one.name == "tuned")
        network.load_state_dict(tuned.tensors)
    if best.name != "tuned":
        network.head.start_from(best.tensors["weight"], best.tensors["bias"])
    return network.eval()


def _track(run: Run, watcher: Watcher, mlflow: str | None) -> None:
    """Log the run to the tracking server; one that fails costs the log and not the run."""
    if mlflow is None:
        return
    try:
        log_run(run, mlflow)
    except UpfitError as error:
        watcher.note(f"the run is finished, but was not logged to MLflow: {error}")


def environment(bench: Workbench) -> dict[str, Any]:
    """What the run ran on, for the report."""
    names = ("upfit", "torch", "timm", "transformers", "datasets", "scikit-learn", "numpy")
    return {
        "python": platform.python_version(),
        **{name: version(name) for name in names},
        "platform": platform.platform(),
        "cpu_count": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "device": str(bench.world.device),
        "processes": bench.world.size,
        "precision": bench.recipe.precision,
    }


def candidate_to_json(candidate: Candidate) -> dict[str, Any]:
    """A candidate as plain values."""
    margin = candidate.margin
    return {
        "name": candidate.name,
        "validation": estimates_to_json(candidate.validation),
        "seconds": candidate.seconds,
        "chosen": candidate.chosen,
        "margin": None if margin is None else [margin.value, margin.low, margin.high],
    }


def candidate_from_json(content: Mapping[str, Any]) -> Candidate:
    """The reverse of `candidate_to_json`."""
    validation = {name: Estimate(**one) for name, one in content["validation"].items()}
    margin = None if content["margin"] is None else Estimate(*content["margin"])
    return Candidate(content["name"], validation, content["seconds"], content["chosen"], margin)


def _rank(bench: Workbench, scores: Scores, metric: str) -> tuple[float, float]:
    """Better first: the metric, then (between equals) the log-loss or the RMSE."""
    task: Task = bench.data.schema.task
    found = metrics(task, scores, bench.validation_targets, also=metric)
    sign = 1 if higher_is_better(metric) else -1
    tie = "log_loss" if "log_loss" in found else "rmse" if "rmse" in found else metric
    second = found[tie] if higher_is_better(tie) else -found[tie]
    return sign * found.get(metric, float("-inf")), second


def _opened(
    saved: SavedModel, data: Data, rows: Rows, *, folder: RunFolder, metric: str
) -> dict[str, Estimate]:
    """Metrics on the test part; the opening is counted."""
    # The predictions come first: no choice can be made once the labels are known.
    scores = saved.scores(data, rows)
    folder.count_opening()
    return evidence(data.schema.task, scores, targets(data, rows), also=metric)


def _result(
    bench: Workbench,
    network: Network,
    candidates: tuple[Candidate, ...],
    test: Mapping[str, Estimate] | None,
    findings: tuple[Finding, ...],
    *,
    metric: str,
    folder: RunFolder,
) -> dict[str, Any]:
    """`result.json`, but for the seconds."""
    chosen = next(one for one in candidates if one.chosen)
    trace = read_trace(Path(folder.path) / "trace.jsonl")
    tuned = chosen.name != "probe"
    return {
        "schema": 1,
        "task": bench.data.schema.task,
        "metric": metric,
        "chosen": chosen.name,
        "validation": estimates_to_json(chosen.validation),
        "test": None if test is None else estimates_to_json(test),
        "test_openings": folder.openings(),
        "peak_rss_mb": peak_rss_mb(),
        "backbone": bench.recipe.backbone,
        "trained_parameters": _trained(network, bench.recipe.layers.train if tuned else "head"),
        "epochs": trace.steps[-1].epoch if trace.steps else 0.0,
        "steps": trace.steps[-1].step if trace.steps else 0,
        "findings": [finding.model_dump(mode="json") for finding in findings],
        "ledger": [cure.model_dump(mode="json") for cure in folder.read_ledger()],
    }


def _trained(network: Network, train: Trained) -> int:
    """How many parameters the winner learned from the data."""
    learning = learning_names(network.groups, train)
    return sum(value.numel() for name, value in network.named_parameters() if name in learning)
