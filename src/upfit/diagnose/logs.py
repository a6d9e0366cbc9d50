"""Traces from what other trainers have logged: curves only, read as text, nothing executed."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from upfit.errors import InputError
from upfit.values import Evaluation, Step, Trace

VALIDATION = (
    "eval_",
    "val_",
    "valid_",
    "validation_",
    "eval/",
    "val/",
    "valid/",
    "validation/",
    "test_",
    "test/",
)
TRAIN_LOSS = (
    "loss",
    "train_loss",
    "train/loss",
    "train_loss_step",
    "training_loss",
    "loss/train",
    "train_loss_epoch",
)
RATE = ("learning_rate", "lr", "train/learning_rate", "lr-adam", "lr-adamw", "lr-sgd")
NORM = ("grad_norm", "gradient_norm", "train/grad_norm", "train/gradient_norm")
OTHER = {"runtime", "samples_per_second", "steps_per_second", "model_preparation_time"}


def read_log(path: str | Path) -> Trace:
    """The Trace in a log of another trainer.

    Args:
        path: `trainer_state.json` (Hugging Face Trainer), `metrics.csv` (Lightning's CSVLogger), or a folder
            with TensorBoard event files. Lines that are cut off or lack numbers are left out.

    Raises:
        InputError: Nothing is there, or it is none of these.

    Example:
        >>> read_log("no-such-file.json")
        Traceback (most recent call last):
        ...
        upfit.errors.InputError: there is no log at no-such-file.json
    """
    path = Path(path)
    if path.is_dir():
        for name in ("trainer_state.json", "metrics.csv"):
            if (path / name).is_file():
                return read_log(path / name)
        return _trace(_tensorboard(path))
    if not path.is_file():
        raise InputError(f"there is no log at {path}")
    reader = {".json": _trainer_state, ".csv": _csv}.get(path.suffix.lower())
    if reader is None:
        raise InputError(
            f"{path.name} is no log that can be read",
            expected="trainer_state.json, metrics.csv, or a folder with TensorBoard event files",
        )
    return _trace(reader(path))


def _trainer_state(path: Path) -> list[dict[str, Any]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is damaged or cut off: {error}") from None
    rows = content.get("log_history") if isinstance(content, dict) else None
    if not isinstance(rows, list):
        raise InputError(f"{path.name} holds no log_history", expected="what Hugging Face's Trainer writes")
    return [row for row in rows if isinstance(row, dict)]


def _csv(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        return [
            {name: value for name, value in row.items() if name and value} for row in csv.DictReader(file)
        ]


def _tensorboard(folder: Path) -> list[dict[str, Any]]:
    if not any(folder.rglob("events.out.tfevents*")):
        raise InputError(f"{folder} holds no log", expected="trainer_state.json, metrics.csv or event files")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    rows: dict[int, dict[str, Any]] = {}
    for place in sorted({file.parent for file in folder.rglob("events.out.tfevents*")}):
        events = EventAccumulator(str(place), size_guidance={"scalars": 0})
        events.Reload()
        for tag in events.Tags()["scalars"]:
            for one in events.Scalars(tag):
                rows.setdefault(one.step, {"step": one.step})[tag] = one.value
    return [rows[step] for step in sorted(rows)]


def _trace(rows: Iterable[Mapping[str, Any]]) -> Trace:
    """Steps and evaluations from rows of named values; a row may hold both, or parts of them."""
    steps, evaluations = [], []
    for number, row in enumerate(rows, start=1):
        values = {
            str(name).lower(): found for name, one in row.items() if (found := _number(one)) is not None
        }
        step = int(values.get("step", values.get("global_step", number)))
        epoch = values.get("epoch", math.nan)
        loss = _first(values, TRAIN_LOSS)
        if loss is not None:
            rate, norm = _first(values, RATE), _first(values, NORM)
            steps.append(_step(step, epoch, loss, math.nan if rate is None else rate, norm))
        held = _validation(values)
        if held:
            evaluations.append(Evaluation(step, epoch, held.pop("loss", math.nan), held, False, math.nan))
    if not steps and not evaluations:
        raise InputError("the log holds no loss and no validation metric that could be recognised")
    return Trace(tuple(steps), tuple(evaluations))


def _step(step: int, epoch: float, loss: float, rate: float, norm: float | None) -> Step:
    return Step(step, epoch, loss, rate, math.nan if norm is None else norm, 0, math.nan, math.nan)


def _validation(values: Mapping[str, float]) -> dict[str, float]:
    """Validation metrics without their prefix."""
    found = {}
    for name, value in values.items():
        prefix = next((p for p in VALIDATION if name.startswith(p)), None)
        plain = "" if prefix is None else name.removeprefix(prefix).removesuffix("_epoch")
        if plain and plain not in OTHER:
            found[plain] = value
    return found


def _first(values: Mapping[str, float], names: tuple[str, ...]) -> float | None:
    return next((values[name] for name in names if name in values), None)


def _number(value: Any) -> float | None:
    """A number, also written as text; None for anything else."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
