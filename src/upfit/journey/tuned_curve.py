"""A learning curve of tuned models: a whole run on each of a few growing subsets, one validation part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from upfit.curate.learning_curve import LearningCurve, curve_from, split_for_curve
from upfit.data.read import read
from upfit.data.targets import targets
from upfit.errors import InputError, Interrupted
from upfit.journey.course import Journey, pack, require_same, travel
from upfit.journey.fit import metric_for, portable
from upfit.journey.runs import READ, load_run
from upfit.store import RunFolder
from upfit.train.curve import losses_of, nested_order
from upfit.train.interrupt import Interrupts
from upfit.train.objective import Objective
from upfit.train.timing import Clock
from upfit.train.tune import Places
from upfit.train.world import World
from upfit.values import Data, Recipe, Run, Silent, Split, Watcher

SIZES, REPEATS, SMALLEST = 4, 2, 1 / 8


@dataclass(frozen=True, eq=False)
class _Work:
    """What all runs of a curve share."""

    data: Data
    recipe: Recipe
    folder: Path
    watcher: Watcher
    asked: Mapping[str, Any]


def tuned_curve(
    data: Any,
    *,
    out: Path,
    budget: float | None = None,
    model: str = "auto",
    seed: int = 0,
    watcher: Watcher | None = None,
    **reading: Any,
) -> LearningCurve:
    """As `curve`, but each point is a tuned model: two runs of `fit` at each of four sizes.

    Args:
        data: As for `fit`, or `Data`.
        out: Folder for the runs; those that are finished there already are read, not trained again.
        budget: Seconds for all runs together, shared out by their numbers of rows.
        model: Backbone.
        seed: Of the split.
        watcher: Sees progress.
        reading: More arguments of `read`.

    Raises:
        InputError: Something about the data or the backbone, or `out` holds runs of something else.
        Interrupted: Stopped by a signal; the same call goes on.
    """
    watcher = watcher or Silent()
    table = data if isinstance(data, Data) else read(data, **reading)
    split = split_for_curve(table, seed=seed)
    recipe = Recipe(seed=seed) if model == "auto" else Recipe(seed=seed, backbone=model)
    asked = {"data": None if isinstance(data, Data) else data, **reading}
    work = _Work(table, recipe, out, watcher, asked)
    known = targets(table, split.train)
    sizes = np.unique(np.geomspace(max(8, SMALLEST * len(known)), len(known), SIZES).round().astype(np.int64))
    judged = Objective.of(table.schema.task, known)
    watcher.note(f"runs are kept in {out}; after a kill, the same command with --out {out} goes on")
    losses = np.empty((len(sizes), REPEATS, len(split.validation)))
    for repeat in range(REPEATS):
        order = nested_order(known, seed=repeat)
        for place, size in enumerate(sizes.tolist()):
            watcher.note(f"run {repeat * len(sizes) + place + 1} of {REPEATS * len(sizes)}: {size:,} rows")
            rows = np.sort(split.train[order[:size]])
            share = None if budget is None else budget * size / (REPEATS * int(sizes.sum()))
            run = _run(work, _with_train(split, rows), f"{size}-{repeat + 1}", share, seed=seed + repeat)
            assert run.predictions is not None
            losses[place, repeat] = losses_of(judged, run.predictions.scores, run.predictions.targets)
    return curve_from(table, sizes, losses, np.asarray(targets(table, split.validation)), tuned=True)


def _with_train(split: Split, rows: npt.NDArray[np.int64]) -> Split:
    """The split with fewer training rows and no test part, which no curve may look at."""
    return Split(rows, split.validation, split.test[:0], f"{len(rows)} training rows of {split.how}")


def _run(work: _Work, split: Split, name: str, budget: float | None, *, seed: int) -> Run:
    """One run, or what it left when it was made before."""
    path = work.folder / name
    recipe = work.recipe.replace(seed=seed)
    if (path / "result.json").is_file():
        return _finished(path, work.data, recipe, split)
    packed = pack(work.data, recipe, split, ratio="")
    with Interrupts() as interrupts:
        folder = RunFolder.create(path, overwrite=True)
        folder.write_json("request.json", portable(_request(work, recipe, budget)))
        require_same(folder, work.data)
        journey = Journey(
            folder=folder,
            clock=Clock(budget),
            metric=metric_for(work.data, None, recipe),
            places=Places(path, None, interrupts.poll),
            watcher=work.watcher,
            world=World(),
        )
        try:
            return travel(journey, packed)
        except Interrupted:
            hint = f"the same command with --out {work.folder} goes on after the runs that are finished"
            raise Interrupted("interrupted", hint=hint) from None


def _finished(path: Path, data: Data, recipe: Recipe, split: Split) -> Run:
    """A run that was made before, if it was made of the same data and in the same way."""
    run = load_run(path)
    asked = RunFolder.open(path, writes=False).read_json("request.json")["recipe"]
    same = (run.data_fingerprint, asked) == (data.fingerprint, recipe.to_yaml())
    # Training rows are not compared: a budget may have left fewer of them.
    if not same or not np.array_equal(run.split.validation, split.validation):
        raise InputError(
            f"{path} is a run on other data, or with another model or seed", hint="--out ANOTHER"
        )
    return run


def _request(work: _Work, recipe: Recipe, budget: float | None) -> dict[str, Any]:
    """What `fit` would have been asked for, so that each run can be looked at like any other."""
    read = {name: work.asked.get(name) for name in READ}
    settled = {"split": "8:1:1", "repair_splits": False, "metric": None, "mlflow": None}
    return {**read, **settled, "budget": budget, "recipe": recipe.to_yaml()}
