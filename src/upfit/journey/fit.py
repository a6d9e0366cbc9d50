"""`fit` and `resume`: check what was asked, read the data, and set out on the journey."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from upfit.curate.audit import noticed
from upfit.data.describe import describe
from upfit.data.read import given_parts
from upfit.errors import RunFolderError
from upfit.journey.corrections import (
    corrected_request,
    corrections_of,
    keep_corrections,
    kept_corrections,
)
from upfit.journey.course import Journey, Packed, pack, require_same, travel
from upfit.journey.own import train
from upfit.journey.runs import load_run, names_files, read_request, refuse_own
from upfit.measure import higher_is_better, primary_metric
from upfit.measure.metrics import family_of
from upfit.report.mlflow import check_mlflow
from upfit.report.tensorboard import TensorBoardWatcher
from upfit.report.watchers import Watchers
from upfit.store import RunFolder
from upfit.store.free_name import free_name
from upfit.techniques import check
from upfit.techniques.losses import adopt, deciding_metric
from upfit.train.interrupt import Interrupts
from upfit.train.timing import Clock
from upfit.train.tune import Places
from upfit.train.world import World
from upfit.values import Change, Data, Kind, Logged, Recipe, Run, Silent, Task, Watcher
from upfit.values.budget import seconds
from upfit.values.corrections import Corrections

__all__ = ["fit", "load_run", "resume", "train"]

Request = dict[str, Any]


def fit(
    data: Any = None,
    *,
    budget: str | float | None = None,
    target: str | Iterable[str] | None = None,
    task: Task | None = None,
    kinds: Mapping[str, Kind | Literal["ignore"]] | None = None,
    train: Any = None,
    validation: Any = None,
    test: Any = None,
    split: str = "8:1:1",
    group: str | None = None,
    time: str | None = None,
    model: str = "auto",
    recipe: Recipe | None = None,
    changes: Iterable[Change] = (),
    metric: str | None = None,
    seed: int | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    watcher: Watcher | None = None,
    mlflow: str | None = None,
    checkpoint_every: float | None = None,
    started: float | None = None,
    loss: Callable[..., Any] | None = None,
    repair_splits: bool = False,
    clean: Literal["off", "auto"] = "off",
    corrections: Corrections | str | Path | None = None,
) -> Run:
    """Fine-tune a pretrained model on your data, and measure what it reaches.

    Args:
        data: A folder of class folders, a table file, a folder of table files named train / validation /
            test, a DataFrame, a `datasets.Dataset`, or a torch Dataset. Or name the parts one by one:
        train: Training part.
        validation: Validation part; cut from the training part where missing.
        test: Test part. Its labels are read once, at the end.
        budget: Wall-clock limit, e.g. `"90s"`, `"10m"`, or seconds; None trains as long as the recipe says.
        target: Target column, or several 0/1 columns; inferred where missing.
        task: `binary`, `multiclass`, `multilabel` or `regression`; inferred where missing.
        kinds: Column kinds that were inferred wrongly; `ignore` leaves a column out.
        split: Ratio train:validation:test, or train:test.
        repair_splits: Leave out training rows that given validation or test parts hold as well.
        group: Column whose equal values must not straddle the split.
        time: Column to split by in order.
        model: Backbone: `auto`, `packaged:NAME`, `timm:NAME`, `hf:NAME` or a folder.
        recipe: Where to start from; the default recipe where missing.
        changes: Edits of the recipe.
        metric: What decides between candidates; accuracy, map or rmse where missing.
        seed: Overrides the recipe's seed; decides split, order, augmentation and initial weights.
        out: Run folder; by default the first free `runs/NAME-N`.
        overwrite: Replace an existing run folder.
        watcher: Sees progress.
        mlflow: Tracking URI to log the finished run to.
        checkpoint_every: Seconds between checkpoints; by default they cost about 2 % of the time.
        started: `time.time()` when the budget began; now, where missing.
        loss: A loss of one's own instead of the recipe's: a callable (logits (B, K), targets) → (B,).
        clean: `auto` leaves out training rows whose labels are very probably wrong; validation and test stay
            as they are.
        corrections: What people decided about single rows (`upfit review`), or the file of it; applied to
            training rows, so that runs before and after are judged on the same validation rows.

    Returns:
        The finished Run.

    Raises:
        InputError: Something about the data, recipe, backbone or run folder; nothing was written over.
        Interrupted: Stopped by a signal; `resume` goes on.

    Example:
        >>> run = fit("flowers/", budget="10m")  # doctest: +SKIP
        >>> print(run.validation["accuracy"])  # doctest: +SKIP
        0.943 (0.921 to 0.961)
    """
    limit = None if budget is None else seconds(budget)
    recipe = _edited(recipe or Recipe(), tuple(changes), model, seed, loss)
    if metric is not None:
        higher_is_better(metric)
    if mlflow is not None:
        check_mlflow(mlflow)
    decided = corrections_of(corrections)
    path = Path(out) if out is not None else free_name("runs", data if data is not None else train)
    RunFolder.require_free(path, overwrite=overwrite)
    request: Request = {
        "data": data,
        "parts": given_parts(train, validation, test),
        "target": target if target is None or isinstance(target, str) else list(target),
        "task": task,
        "kinds": dict(kinds) if kinds else None,
        "group": group,
        "time": time,
        "split": split,
        "repair_splits": repair_splits,
        "clean": clean == "auto",
        "metric": metric,
        "budget": limit,
        "mlflow": mlflow,
        "recipe": recipe.to_yaml(),
    }
    clock = Clock(limit, started)
    with Interrupts() as interrupts:
        watcher = watcher or Logged()
        watcher.stage("reading the data")
        table = noticed(read_request(request, watcher.advance))
        watcher.note(describe(table))
        # Everything that can be wrong with the request shows before the folder is made.
        metric_for(table, metric, recipe)
        table, mended = corrected_request(request, table, recipe, decided)
        if decided is not None:
            watcher.note(table.findings[-1].message)
        watcher.stage("loading the backbone")
        packed = pack(table, recipe, mended, ratio=split, own_loss=loss)
        world = World()
        if not world.is_main:
            watcher = Silent()
        folder = RunFolder.create(path, overwrite=overwrite, writes=world.is_main)
        keep_corrections(folder, decided)
        folder.write_json("request.json", portable(request))
        world.wait()
        places = Places(folder.path, checkpoint_every, interrupts.poll)
        return _set_out(request, packed, folder, clock, places, watcher, world, loss)


def resume(
    folder: str | Path,
    *,
    data: Any = None,
    watcher: Watcher | None = None,
    checkpoint_every: float | None = None,
    started: float | None = None,
    loss: Callable[..., Any] | None = None,
) -> Run:
    """Go on with a run that was interrupted or killed, from its newest checkpoint.

    Args:
        folder: The run folder.
        data: The data again, where it was given in memory and not as a path.
        watcher: Sees progress.
        checkpoint_every: Seconds between checkpoints.
        started: `time.time()` when waiting began; now, where missing.
        loss: The loss again, where it was given from Python.

    Returns:
        The finished Run; one that was finished already is only loaded.

    Raises:
        RunFolderError: Not a run folder, in use, of a newer version, or its data have changed.
        RecipeError: The run was begun with a loss from Python, and it is missing or another.
    """
    watcher = watcher or Logged()
    found = RunFolder.open(Path(folder))
    if found.has("result.json"):
        watcher.note(f"{folder} is finished already")
        # A kill in the run's last moment leaves these behind.
        found.remove("checkpoints")
        found.remove("candidates")
        return load_run(folder)
    refuse_own(found)
    request = found.read_json("request.json")
    if data is not None:
        request["data"] = data
    if data is None and not names_files(request):
        raise RunFolderError(f"{folder} was made from data in memory", hint="upfit.resume(folder, data=…)")
    clock = Clock(request["budget"], started, spent=found.seconds_spent())
    with Interrupts() as interrupts:
        watcher.stage("reading the data")
        table = noticed(read_request(request, watcher.advance))
        require_same(found, table)
        recipe = adopt(Recipe.from_yaml(request["recipe"]), loss)
        earlier = found.read_split() if found.has("split.parquet") else None
        table, earlier = corrected_request(request, table, recipe, kept_corrections(found), earlier)
        packed = pack(table, recipe, earlier, ratio=request["split"], own_loss=loss)
        world = World()
        found = RunFolder.open(Path(folder), writes=world.is_main)
        if world.is_main:
            found.lock()
        places = Places(found.path, checkpoint_every, interrupts.poll)
        watcher = watcher if world.is_main else Silent()
        return _set_out(request, packed, found, clock, places, watcher, world, loss)


def _set_out(
    request: Request,
    packed: Packed,
    folder: RunFolder,
    clock: Clock,
    places: Places,
    watcher: Watcher,
    world: World,
    own_loss: Callable[..., Any] | None,
) -> Run:
    """The journey of a request."""
    require_same(folder, packed.data)
    if world.is_main:
        watcher = Watchers(watcher, TensorBoardWatcher(folder.path / "tensorboard"))
    journey = Journey(
        folder=folder,
        clock=clock,
        metric=metric_for(packed.data, request["metric"], packed.recipe),
        places=places,
        watcher=watcher,
        world=world,
        mlflow=request["mlflow"],
        own_loss=own_loss,
        clean=request.get("clean", False),
    )
    return travel(journey, packed)


def metric_for(data: Data, asked: str | None, recipe: Recipe) -> str:
    """The metric that decides: that of the loss where it has one of its own, else the task's.

    Raises:
        RecipeError: The task does not have it.
    """
    metric = asked or deciding_metric(recipe.loss, data.schema.task) or primary_metric(data.schema.task)
    family_of(data.schema.task, metric)
    return metric


def _edited(
    recipe: Recipe,
    changes: tuple[Change, ...],
    model: str,
    seed: int | None,
    loss: Callable[..., Any] | None,
) -> Recipe:
    """The recipe with everything that was asked for, checked whole."""
    recipe = recipe.apply(*changes)
    if model != "auto":
        recipe = recipe.replace(backbone=model)
    if seed is not None:
        recipe = recipe.replace(seed=seed)
    recipe = adopt(recipe, loss)
    check(recipe)
    return recipe


def portable(request: Request) -> Request:
    """The request as JSON: absolute paths; data in memory become null."""
    parts = request["parts"]
    return {
        **request,
        "data": _path(request["data"]),
        "parts": {name: _path(part) for name, part in parts.items()} if parts else None,
    }


def _path(source: Any) -> str | None:
    return str(Path(source).resolve()) if isinstance(source, str | Path) else None
