"""Load a finished run from its folder: the evidence at once, the model and the data when asked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from upfit.data.read import read
from upfit.data.targets import targets
from upfit.data.verify import Advance
from upfit.errors import RunFolderError
from upfit.journey.finish import candidate_from_json
from upfit.journey.saved_model import SavedModel
from upfit.measure import evidence
from upfit.store import RunFolder, read_trace
from upfit.store.damage import reading
from upfit.store.run_folder import estimates_from_json
from upfit.values import Data, Estimate, Predictions, Run, Schema, Split

OWN_PLAN = "own-plan.json"
OWN_RECIPE = "own-recipe.yaml"
"""Marks the folder of a `train` call, which the same call goes on with."""
READ = ("data", "parts", "target", "task", "kinds", "group", "time")
"""The fields of a request that say how to read the data."""


def load_run(folder: str | Path) -> Run:
    """A finished run.

    Args:
        folder: The run folder.

    Raises:
        RunFolderError: Not a run folder, of a newer version, or not finished.

    Example:
        >>> run = load_run("runs/flowers-1")  # doctest: +SKIP
        >>> run.predict(["a.jpg"])  # doctest: +SKIP
    """
    found = RunFolder.open(Path(folder))
    if not found.has("result.json"):
        refuse_own(found)
        raise RunFolderError(f"{folder} is not finished", hint=f"upfit resume {folder}")
    with reading(found.path):
        return _loaded(found)


def _loaded(found: RunFolder) -> Run:
    """The evidence in the folder of a finished run."""
    result = found.read_json("result.json")
    about = found.read_json("data.json")
    test = result["test"]
    schema, split = Schema(**about["schema"]), found.read_split()
    return Run(
        recipe=found.read_recipe(),
        schema=schema,
        data_fingerprint=about["fingerprint"],
        split=split,
        trace=read_trace(found.path / "trace.jsonl"),
        metric=result["metric"],
        validation=estimates_from_json(result["validation"]),
        candidates=tuple(candidate_from_json(one) for one in found.read_json("candidates.json")),
        test=None if test is None else estimates_from_json(test),
        test_openings=found.openings(),
        findings=found.read_findings(),
        ledger=found.read_ledger(),
        predictions=_own_predictions(found, schema, split),
        result=result,
        folder=found.path,
        predictor=lambda inputs: SavedModel.load(found.path / "model").predict(inputs),
        test_opener=lambda: open_test(found),
    )


def _own_predictions(found: RunFolder, schema: Schema, split: Split) -> Predictions | None:
    """What the model said about validation.

    Raises:
        RunFolderError: The file is about other rows or classes than this run's.
    """
    said = found.read_predictions()
    if said is None:
        return None
    width = 1 if schema.task == "regression" else len(schema.classes) or len(schema.target)
    if not np.isin(said.rows, split.validation).all() or said.scores.shape[1:] != (width,):
        raise RunFolderError(
            f"{found.path / 'predictions.parquet'} is of another run", hint="put back a copy of it"
        )
    return said


def refuse_own(found: RunFolder) -> None:
    """Say what the folder of an `upfit.train` call is for, which keeps neither a request nor a model."""
    if found.has(OWN_PLAN):
        raise RunFolderError(
            f"{found.path} is of upfit.train, and holds a journal and checkpoints alone",
            hint="the same call of upfit.train with this out= goes on; the module it was given is the model",
        )


def read_request(request: Mapping[str, Any], advance: Advance | None = None) -> Data:
    """The data that a request names; `advance` shows progress."""
    fields = {name: request[name] for name in READ}
    return read(fields.pop("data"), advance=advance, **fields)


def names_files(request: Mapping[str, Any]) -> bool:
    """Whether everything that a request reads lies in files; what was in memory is gone."""
    parts = request["parts"] or {"data": request["data"]}
    return all(part is not None for part in parts.values())


def data_of(folder: RunFolder) -> Data:
    """The data of a run, read again; raises `RunFolderError` when they are gone or have changed."""
    request = folder.read_json("request.json")
    if not names_files(request):
        raise RunFolderError(f"{folder.path} was made from data in memory, which are not kept")
    data = read_request(request)
    if data.fingerprint != folder.read_json("data.json")["fingerprint"]:
        raise RunFolderError("the data have changed since the run", hint="put them back as they were")
    return data


def open_test(folder: RunFolder) -> dict[str, Estimate]:
    """Metrics of the finished model on the test part; the opening is counted."""
    split = folder.read_split()
    if not len(split.test):
        raise RunFolderError(f"{folder.path} has no test part")
    data = data_of(folder)
    scores = SavedModel.load(folder.path / "model").scores(data, split.test)
    folder.count_opening()
    return evidence(
        data.schema.task, scores, targets(data, split.test), also=folder.read_json("result.json")["metric"]
    )
