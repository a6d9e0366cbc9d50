"""A learning curve of tuned models: a whole run on each of a few growing subsets, one validation part."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from upfit.curate.embedding import embedder
from upfit.curate.learning_curve import LearningCurve, curve_from, split_for_curve
from upfit.data.describe import describe
from upfit.data.read import read
from upfit.data.targets import targets
from upfit.errors import InputError, Interrupted
from upfit.journey.course import Journey, pack, require_same, travel
from upfit.journey.curve_plan import CHOICES, CurveCosts, CurvePlan, affordable_plan, plan_of, share
from upfit.journey.fit import metric_for, portable
from upfit.journey.runs import READ, load_run
from upfit.store import RunFolder
from upfit.store.atomic import write_text
from upfit.store.room import require_room
from upfit.train.afford import seconds_per_example
from upfit.train.curve import losses_of, nested_order
from upfit.train.interrupt import Interrupts
from upfit.train.objective import Objective
from upfit.train.settle import settle_inputs
from upfit.train.timing import Clock
from upfit.train.tune import Places
from upfit.train.world import World
from upfit.values import Data, Logged, Recipe, Run, Split, Watcher

TRIED = 16
"""Examples in each of two tries at what an example costs."""
PLAN = "plan.json"
"""Which runs a budget afforded: the same command with the same budget goes on with these."""


@dataclass(frozen=True, eq=False)
class _Work:
    """What all runs of a curve share."""

    data: Data
    split: Split
    recipe: Recipe
    folder: Path
    watcher: Watcher
    asked: Mapping[str, Any]
    clock: Clock

    def place(self, repeat: int, size: int) -> Path:
        """The folder of one run."""
        return self.folder / f"{size}-{repeat + 1}"

    def done(self, repeat: int, size: int) -> bool:
        """Whether a run is finished already."""
        return (self.place(repeat, size) / "result.json").is_file()


def tuned_curve(
    data: Any,
    *,
    out: Path,
    budget: float | None = None,
    model: str = "auto",
    seed: int = 0,
    watcher: Watcher | None = None,
    started: float | None = None,
    **reading: Any,
) -> LearningCurve:
    """As `curve`, but each point is a tuned model: two runs of `fit` at each of four sizes.

    Args:
        data: As for `fit`, or `Data`.
        out: Folder for the runs; those that are finished there already are read, not trained again.
        budget: Seconds for everything. Fewer runs are made where it does not afford all of them.
        model: Backbone.
        seed: Of the split.
        watcher: Sees progress.
        started: `time.time()` when the budget began; now, where missing.
        reading: More arguments of `read`.

    Raises:
        InputError: Something about the data or the backbone, `out` holds runs of something else, or the
            budget does not afford the fewest runs that make a curve; nothing was written then.
        Interrupted: Stopped by a signal; the same call goes on.
    """
    watcher, clock = watcher or Logged(), Clock(budget, started)
    require_room(out)
    table = data if isinstance(data, Data) else read(data, **reading)
    watcher.note(describe(table))
    split = split_for_curve(table, seed=seed)
    recipe = Recipe(seed=seed) if model == "auto" else Recipe(seed=seed, backbone=model)
    asked = {"data": None if isinstance(data, Data) else data, **reading}
    work = _Work(table, split, recipe, out, watcher, asked, clock)
    plan, costs = _planned(work)
    watcher.note(f"runs are kept in {out}; after a kill, the same command with --out {out} goes on")
    if plan.left_out:
        watcher.note(plan.left_out)
    known = targets(table, split.train)
    losses, remarks = _losses(work, plan, costs, Objective.of(table.schema.task, known))
    held = np.asarray(targets(table, split.validation))
    return curve_from(table, np.array(plan.sizes), losses, held, tuned=True, remarks=remarks)


def _planned(work: _Work) -> tuple[CurvePlan, CurveCosts]:
    """The runs that the budget affords, as they were planned before where they were."""
    count, held = len(work.split.train), len(work.split.validation)
    if work.clock.left is None:
        return plan_of(count, *CHOICES[0]), CurveCosts(0.0, held)
    work.watcher.stage("what the budget affords")
    costs = CurveCosts(_example_seconds(work), held)
    path, asked = work.folder / PLAN, {"fingerprint": work.data.fingerprint, "budget": work.clock.budget}
    kept = _kept(path, asked)
    plan = kept or affordable_plan(count, costs, left=work.clock.left, spent=work.clock.spent, done=work.done)
    if kept is None:
        work.folder.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps({**asked, "sizes": plan.sizes, "repeats": plan.repeats}))
    return plan, costs


def _kept(path: Path, asked: Mapping[str, Any]) -> CurvePlan | None:
    """The plan that was made for the same data and budget, if there is one."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        same = all(found[name] == value for name, value in asked.items())
        return CurvePlan(tuple(map(int, found["sizes"])), int(found["repeats"])) if same else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _example_seconds(work: _Work) -> float:
    """Seconds of a forward pass per example, shown as the shortest runs would show them."""
    found = embedder(work.data, model=work.recipe.backbone)
    if found is None:
        return 0.0
    recipe = settle_inputs(
        Recipe(backbone=work.recipe.backbone, precision="fp32"),
        work.data,
        found.backbone,
        work.split.train,
        left=0.0,
    )
    bench = replace(found.bench, split=work.split, recipe=recipe)
    return seconds_per_example(bench, found.backbone, tried=TRIED)


def _losses(
    work: _Work, plan: CurvePlan, costs: CurveCosts, judged: Objective
) -> tuple[npt.NDArray[np.float64], tuple[str, ...]]:
    """(S, R, M) what each answer costs, and remarks on what was left out.

    A repetition is begun only if the time that is left affords all of it.
    """
    losses, untuned = [], 0
    for repeat in range(plan.repeats):
        coming = tuple(size for size in plan.sizes if not work.done(repeat, size))
        left = work.clock.left
        if repeat and left is not None and left < sum(costs.least(size) for size in coming):
            plan = replace(plan, repeats=repeat)
            work.watcher.note(plan.left_out)
            break
        runs = [_one(work, plan, costs, (repeat, size)) for size in plan.sizes]
        untuned += sum(not any(one.name == "tuned" for one in run.candidates) for run in runs)
        losses.append([_judged(judged, run) for run in runs])
    remarks = [plan.left_out] if plan.left_out else []
    if untuned:
        remarks += [f"{untuned} of {len(plan.runs)} runs had no time to tune: what counts there is a probe"]
    return np.array(losses).swapaxes(0, 1), tuple(remarks)


def _judged(judged: Objective, run: Run) -> npt.NDArray[np.float64]:
    assert run.predictions is not None
    return losses_of(judged, run.predictions.scores, run.predictions.targets)


def _one(work: _Work, plan: CurvePlan, costs: CurveCosts, which: tuple[int, int]) -> Run:
    """One run of the plan, in its share of the time that is left."""
    repeat, size = which
    at = plan.runs.index(which)
    work.watcher.note(f"run {at + 1} of {len(plan.runs)}: {size:,} rows")
    order = nested_order(targets(work.data, work.split.train), seed=repeat)
    split = _with_train(work.split, np.sort(work.split.train[order[:size]]))
    left, budget = work.clock.left, None
    if left is not None:
        coming = tuple(rows for again, rows in plan.runs[at:] if not work.done(again, rows))
        budget = share(size, coming or (size,), costs, left=left)
    return _run(work, split, work.place(repeat, size), budget, seed=work.recipe.seed + repeat)


def _with_train(split: Split, rows: npt.NDArray[np.int64]) -> Split:
    """The split with fewer training rows and no test part, which no curve may look at."""
    return Split(rows, split.validation, split.test[:0], f"{len(rows)} training rows of {split.how}")


def _run(work: _Work, split: Split, path: Path, budget: float | None, *, seed: int) -> Run:
    """One run, or what it left when it was made before."""
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
