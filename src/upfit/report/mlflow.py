"""Logging a finished run to MLflow."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from typing import Any

from upfit.errors import MissingExtraError, RunFolderError
from upfit.values import Estimate, Run
from upfit.values.shortened import shortened

LOCAL = "file:./mlruns"
EXPERIMENT = "upfit"
# What one call to a tracking server may carry, and how many points a curve needs to be seen.
BATCH, LONGEST, MOST_STEPS = 900, 480, 1000

_SETTINGS = {
    # Newer versions refuse folders unless asked; whoever names a folder asks.
    "MLFLOW_ALLOW_FILE_STORE": "true",
    # Nothing about the user's run goes anywhere but to the address that the user gave.
    "MLFLOW_DISABLE_TELEMETRY": "true",
    # A server that is away must not hold up a run for minutes.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
}


def check_mlflow(uri: str = LOCAL) -> None:
    """Raise now what `log_run` would raise after hours of training, without writing anything.

    Raises:
        MissingExtraError: MLflow is not installed.
        RunFolderError: The address is of a kind that MLflow does not know, or lacks what it needs.
    """
    _client(uri)


def log_run(run: Run, uri: str = LOCAL) -> str:
    """Log parameters, curves, results, report and model card of a run; returns MLflow's id of it.

    Args:
        run: The finished run.
        uri: Where MLflow keeps runs: a folder, `file:` address, database or server. `./mlruns` by default;
            to look at a folder, newer versions of MLflow want `MLFLOW_ALLOW_FILE_STORE=true mlflow ui`.

    Raises:
        MissingExtraError: MLflow is not installed.
        RunFolderError: The store cannot be reached or written; the run itself is not touched.

    Example:
        >>> log_run(run, "file:./mlruns")  # doctest: +SKIP
    """
    client = _client(uri)
    try:
        found = client.get_experiment_by_name(EXPERIMENT)
        experiment = found.experiment_id if found else client.create_experiment(EXPERIMENT)
        name = run.folder.name if run.folder else None
        key: str = client.create_run(experiment, run_name=name).info.run_id
        _log_values(client, key, run)
        _log_files(client, key, run)
        client.set_terminated(key)
    except Exception as error:  # each kind of store raises its own types
        raise _unusable(uri, error) from error
    return key


def _client(uri: str) -> Any:
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    try:
        from mlflow.tracking import MlflowClient
    except ImportError:
        raise MissingExtraError("mlflow", extra="mlflow", purpose="logging to MLflow") from None
    try:
        return MlflowClient(tracking_uri=uri)
    except Exception as error:  # an unknown scheme, a driver that is not installed …
        raise _unusable(uri, error) from error


def _unusable(uri: str, error: Exception) -> RunFolderError:
    reason = shortened(str(error), 300)
    return RunFolderError(
        f"MLflow cannot use {uri!r}: {reason}",
        expected="a folder, a file: or sqlite: address, or the http address of a tracking server",
        hint=f"--mlflow {LOCAL}",
    )


def parameters(run: Run) -> dict[str, str]:
    """The recipe and what surrounds it as flat text: `optimizer.lr`, `techniques.ema.decay`."""
    recipe = run.recipe.model_dump(mode="json")
    techniques = {one.pop("name"): one or "on" for one in recipe.pop("techniques")}
    flat = dict(_flattened({**recipe, "techniques": techniques}))
    flat["data_fingerprint"] = run.data_fingerprint
    flat["split"] = run.split.how
    return {name: str(value)[:LONGEST] for name, value in flat.items()}


def _flattened(fields: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in fields.items():
        if isinstance(value, Mapping):
            yield from _flattened(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _log_values(client: Any, key: str, run: Run) -> None:
    from mlflow.entities import Metric, Param

    params = [Param(name, value) for name, value in parameters(run).items()]
    client.log_batch(key, params=params[:100])
    began = int(client.get_run(key).info.start_time)
    points = [
        Metric(name, value, began + int(1000 * seconds), step)
        for name, value, seconds, step in (*_curves(run), *_results(run))
        if math.isfinite(value)
    ]
    for start in range(0, len(points), BATCH):
        client.log_batch(key, metrics=points[start : start + BATCH])


def _curves(run: Run) -> Iterator[tuple[str, float, float, int]]:
    """(name, value, seconds, step) of what was observed, of long runs every so many steps."""
    every = -(-len(run.trace.steps) // MOST_STEPS) or 1
    for one in run.trace.steps[::every]:
        yield "train/loss", one.loss, one.seconds, one.step
        yield "train/learning_rate", one.lr, one.seconds, one.step
        yield "train/gradient_norm", one.gradient_norm, one.seconds, one.step
    for judged in run.trace.evaluations:
        yield "validation/loss", judged.loss, judged.seconds, judged.step
        for name, value in judged.metrics.items():
            yield f"validation/{name}", value, judged.seconds, judged.step


def _results(run: Run) -> Iterator[tuple[str, float, float, int]]:
    """The final metrics with the ends of their intervals."""
    last = run.trace.steps[-1].step if run.trace.steps else 0
    seconds = float(run.result.get("seconds", 0.0))
    parts: dict[str, Mapping[str, Estimate]] = {"validation": run.validation, "test": run.test or {}}
    for part, found in parts.items():
        for name, one in found.items():
            yield f"final_{part}/{name}", one.value, seconds, last
            yield f"final_{part}/{name}_low", one.low, seconds, last
            yield f"final_{part}/{name}_high", one.high, seconds, last


def _log_files(client: Any, key: str, run: Run) -> None:
    if run.folder is None:
        return
    for name in ("report.html", "model_card.md", "recipe.yaml", "result.json"):
        if (run.folder / name).is_file():
            client.log_artifact(key, str(run.folder / name))
