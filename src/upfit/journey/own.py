"""`train`: the loop for a module and loaders of one's own, with nothing else adopted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from upfit.data.own_loader import OwnSource
from upfit.errors import RecipeError, RunFolderError
from upfit.journey.own_check import check_mixers, check_module, check_outputs, class_names, look, plain
from upfit.journey.own_rate import affords_test, with_tested_rate
from upfit.journey.runs import OWN_PLAN, OWN_RECIPE
from upfit.measure import evidence, metrics, primary_metric
from upfit.models.own import OwnNetwork, parted
from upfit.store import RunFolder
from upfit.techniques import check, check_fits
from upfit.techniques.idle import idle
from upfit.techniques.losses import adopt, deciding_metric
from upfit.train.costs import step_seconds
from upfit.train.fitting import fitting_size
from upfit.train.infer import require_numbers
from upfit.train.interrupt import Interrupts
from upfit.train.objective import Objective
from upfit.train.out_of_memory import forward_in_pieces
from upfit.train.range_test import SHARE, Trial
from upfit.train.settle import Costs, make_plan, settle_own, settle_techniques
from upfit.train.timing import Clock
from upfit.train.too_short import too_short
from upfit.train.tune import Places, Plan, tune
from upfit.train.world import World
from upfit.values import (
    Estimate,
    Logged,
    Predictions,
    Recipe,
    Run,
    Schema,
    Silent,
    Split,
    Task,
    Watcher,
)
from upfit.values.budget import seconds


def train(
    module: nn.Module,
    train_loader: Any,
    validation_loader: Any,
    recipe: Recipe | None = None,
    *,
    task: Task | None = None,
    metric: str | None = None,
    budget: str | float | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    watcher: Watcher | None = None,
    checkpoint_every: float | None = None,
    loss: Callable[..., Any] | None = None,
) -> Run:
    """Train any module on any loaders by a recipe, and keep its best weights by validation.

    Args:
        module: Called with the batch's inputs; returns logits (B, K), or (B,) or (B, 1) for regression and
            binary tasks. Trained in place: it ends with the best weights.
        train_loader: Batches `(inputs, target)`, or mappings with a `target` or `labels`.
        validation_loader: The same, in a fixed order.
        recipe: How to train; its backbone, inputs, head and augmentation do not apply.
        task: Inferred from the targets where missing: whole numbers are classes, one real number is
            regression, a row of 0 and 1 is multilabel.
        metric: What decides which weights are best.
        budget: Wall-clock limit.
        out: Run folder for the journal and checkpoints; a run that was interrupted there goes on.
        overwrite: Replace an existing run folder.
        watcher: Sees progress.
        checkpoint_every: Seconds between checkpoints.
        loss: A loss of one's own instead of the recipe's: a callable (logits (B, K), targets) → (B,).

    Returns:
        A Run whose `module` is the trained module.

    Raises:
        InputError: A batch or output that cannot be understood.
        Interrupted: Stopped by a signal; with `out` the same call goes on.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> x, y = (torch.as_tensor(part) for part in load_iris(return_X_y=True))
        >>> pairs = list(zip(x.float(), y))
        >>> loaders = [torch.utils.data.DataLoader(pairs[i::2], batch_size=16, shuffle=not i) for i in (0, 1)]
        >>> run = train(nn.Linear(4, 3), *loaders, Recipe().apply())
        >>> 0 <= run.validation["accuracy"].value <= 1
        True
    """
    recipe = recipe or Recipe()
    check_module(module, recipe)
    recipe = adopt(recipe, loss)
    check(recipe)
    clock, world = Clock(None if budget is None else seconds(budget)), World(_precision(recipe))
    watcher = watcher or (Logged() if world.is_main else Silent())
    watcher.stage("looking at the loaders")
    learning, judged = look(train_loader, task), look(validation_loader, task)
    task, metric = (
        learning.task,
        metric or deciding_metric(recipe.loss, learning.task) or primary_metric(learning.task),
    )
    check_fits(recipe, task=task, modality="own")
    for line in idle(recipe, "own"):
        watcher.note(line)
    network = OwnNetwork(module, binary=task == "binary")
    classes = class_names(task, learning, judged)
    objective = Objective.of(task, learning.targets, classes, own=loss)
    objective.check(recipe.loss)
    check_outputs(network, learning.first, task=task, outputs=len(classes) or 1)
    check_mixers(recipe, learning.first)
    if recipe.batching.sampler != "shuffled":
        raise RecipeError(
            f"sampler {recipe.batching.sampler} cannot work here: the training loader decides what is drawn",
            expected="batching.sampler=shuffled",
            hint="give the DataLoader a torch.utils.data.WeightedRandomSampler",
        )
    asked, recipe = recipe, settle_own(recipe, count=len(learning.targets), task=task)

    def encode(target: torch.Tensor) -> torch.Tensor:
        return torch.as_tensor(objective.encode(plain(target, learning.task)))

    source = OwnSource(train_loader, part=parted, seed=recipe.seed, encode=encode, shard=world.shard)
    judge = _Judge(network, validation_loader, objective, judged.targets, world, recipe)
    function = objective.loss(recipe.loss)
    folder = _folder(out, overwrite, world)
    with _held(folder), Interrupts() as interrupts:
        _require_same_recipe(folder, asked, world)
        if recipe.batching.micro_size == "auto":
            fits = world.agree(fitting_size(network, source, function, world))
            recipe = recipe.replace(batching=recipe.batching.replace(micro_size=fits))
        step = step_seconds(
            network, source, function, world, micro_size=cast(int, recipe.batching.micro_size)
        )
        evaluation = judge.timed()
        left = None if clock.left is None else clock.left - evaluation
        plan = make_plan(recipe, per_epoch=len(source), costs=Costs(step, evaluation, left), least=1)
        assert plan is not None
        plan = replace(_kept_plan(folder, world.agree(plan)), deadline=clock.deadline(evaluation))
        recipe = settle_techniques(recipe, plan.total_steps)
        stated = asked.optimizer.lr != "auto"
        # By the clock of one process: all have to make the test, or none.
        affords = world.agree(stated or affords_test(recipe, plan.total_steps, step=step, left=left))
        if recipe.optimizer.lr == "range_test" and affords:
            watcher.stage("testing learning rates")
        recipe, findings = with_tested_rate(
            recipe,
            network,
            source,
            function,
            world=world,
            trial=Trial.within(
                plan.total_steps,
                seconds=None if clock.left is None else SHARE * clock.left,
                asked_to_stop=interrupts.poll,
            ),
            held_out=lambda tried: judge(tried)[0],
            affords=affords,
            folder=folder,
        )
        for finding in findings:
            watcher.note(finding.message)
        for line in too_short(recipe, plan, per_epoch=len(source), groups=len(network.groups) - 1):
            watcher.note(line)
        watcher.stage("training")
        tuned = tune(
            recipe,
            network,
            network.groups,
            source=source,
            loss=function,
            measure=judge,
            judged=len(judged.targets),
            metric=metric,
            plan=plan,
            world=world,
            watcher=watcher,
            places=Places(None if folder is None else folder.path, checkpoint_every, interrupts.poll),
        )
    watcher.close()
    scores = judge.scores()
    names = () if task == "regression" else tuple(str(k) for k in range(scores.shape[1]))
    count, other = len(learning.targets), len(judged.targets)
    rows = np.arange(count, count + other)
    found: dict[str, Estimate] = evidence(task, scores, judged.targets, also=metric)
    return Run(
        recipe=recipe,
        schema=Schema(columns=(), target=("target",), task=task, classes=names),
        data_fingerprint="",
        split=Split(np.arange(count), rows, rows[:0], "given by two loaders"),
        trace=tuned.trace,
        metric=metric,
        validation=found,
        findings=findings,
        predictions=Predictions(rows, scores, judged.targets),
        folder=None if folder is None else folder.path,
        module=module,
    )


class _Judge:
    """Validation of a network on a user's loader."""

    def __init__(
        self,
        network: OwnNetwork,
        loader: Any,
        objective: Objective,
        truth: npt.NDArray[Any],
        world: World,
        recipe: Recipe,
    ) -> None:
        self.network, self.loader = network, loader
        self.objective, self.truth, self.world = objective, truth, world
        self.loss = objective.judging_loss(recipe.loss)
        self.decides = deciding_metric(recipe.loss, objective.task) or ""

    def __call__(self, network: nn.Module) -> tuple[float, dict[str, float]]:
        logits = self._logits(network)
        require_numbers(logits)
        encoded = torch.as_tensor(self.objective.encode(self.truth))
        scores = self.objective.scores(logits)
        found = metrics(self.objective.task, scores, self.truth, also=self.decides)
        return float(self.loss(logits, encoded).mean()), found

    def scores(self) -> npt.NDArray[np.float32]:
        """Scores of the validation examples."""
        return self.objective.scores(self._logits(self.network))

    def timed(self) -> float:
        """Seconds of one evaluation."""
        clock = Clock(None)
        self._logits(self.network)
        return clock.spent

    @torch.inference_mode()
    def _logits(self, network: nn.Module) -> torch.Tensor:
        was_training = network.training
        network.to(self.world.device).eval()
        found, size = [], None
        for batch in self.loader:
            moved = self.world.move({"inputs": parted(batch)[0]})
            with self.world.autocast():
                out, size = forward_in_pieces(network, moved, size)
            found.append(out.float().cpu())
        network.train(was_training)
        return torch.cat(found)


def _precision(recipe: Recipe) -> str:
    """fp32 unless asked for: a stranger's module is not measured with half its bits."""
    return "bf16" if recipe.precision == "bf16" else "fp32"


def _folder(out: str | Path | None, overwrite: bool, world: World) -> RunFolder | None:
    """The run folder, with the work of an interrupted call in it if there is one."""
    if out is None:
        return None
    path = Path(out)
    if world.agree(not overwrite and (path / OWN_PLAN).is_file()):
        folder = RunFolder.open(path, writes=world.is_main)
        if world.is_main:
            folder.lock()
        return folder
    folder = RunFolder.create(path, overwrite=overwrite, writes=world.is_main)
    world.wait()
    return folder


@contextmanager
def _held(folder: RunFolder | None) -> Iterator[None]:
    """Let go of the folder at the end, however it comes."""
    try:
        yield
    finally:
        if folder is not None:
            folder.unlock()


def _require_same_recipe(folder: RunFolder | None, asked: Recipe, world: World) -> None:
    """Raise `RunFolderError` where a run that goes on was begun with another recipe."""
    if folder is None:
        return
    if not world.agree(folder.has(OWN_RECIPE)):
        folder.write_text(OWN_RECIPE, asked.to_yaml())
        world.wait()
    elif Recipe.from_yaml((folder.path / OWN_RECIPE).read_text(encoding="utf-8")) != asked:
        raise RunFolderError(
            f"the run in {folder.path} was begun with another recipe",
            hint=f"the recipe in {folder.path / OWN_RECIPE}, or overwrite=True to begin anew",
        )


def _kept_plan(folder: RunFolder | None, plan: Plan) -> Plan:
    """The plan of the call that began here: how often to evaluate was measured, and has to stay the same."""
    if folder is None:
        return plan
    if folder.has(OWN_PLAN):
        return Plan(**folder.read_json(OWN_PLAN))
    folder.write_json(OWN_PLAN, asdict(plan))
    return plan
