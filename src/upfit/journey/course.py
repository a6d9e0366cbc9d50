"""The stages of a journey in order. Each leaves its result in the run folder, so none is travelled twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any, cast

from upfit.data.targets import targets
from upfit.data.tokens import segment_count
from upfit.errors import InputError, Interrupted, RunFolderError
from upfit.journey.cleaning import with_clean_labels
from upfit.journey.finish import finish_run
from upfit.journey.improve import improve
from upfit.journey.machine import in_precision, measured_rates, threads_of, with_batch_size, with_compiling
from upfit.journey.repair import put_in_place
from upfit.models import Backbone, load_backbone
from upfit.split.leakage import findings_of_split
from upfit.split.make import make_split
from upfit.store import FeatureCache, RunFolder
from upfit.techniques import check_fits
from upfit.techniques.augmentation import check_size
from upfit.techniques.idle import idle
from upfit.techniques.samplers import check_sampler
from upfit.train.adapting import check_layers
from upfit.train.afford import affordable, may_cut, seconds_per_example
from upfit.train.fitted import Fitted, kept
from upfit.train.layer_choice import choose_layers
from upfit.train.measured_policy import with_measured_policy
from upfit.train.objective import Objective
from upfit.train.pictures import with_pictures
from upfit.train.range_test import SHARE
from upfit.train.rate_stage import rate_stage
from upfit.train.settle import Costs, make_plan, settle, settle_cache, settle_inputs, settle_techniques
from upfit.train.stages import probe_stage
from upfit.train.threads import threads
from upfit.train.timing import Clock, Rates
from upfit.train.tune import Places, Plan
from upfit.train.workbench import Workbench
from upfit.train.world import World
from upfit.values import Data, Recipe, Run, Split, Watcher
from upfit.values.recipe import Inputs

OwnLoss = Callable[..., Any] | None
"""A loss given from Python."""
REFIT_SHARE = 0.4
"""Refitting is left out when it would take more than this part of the time left."""


@dataclass(frozen=True)
class Journey:
    """What a journey starts with: where it writes, its clock, the metric that decides, who watches."""

    folder: RunFolder
    clock: Clock
    metric: str
    places: Places
    watcher: Watcher
    world: World
    mlflow: str | None = None
    own_loss: OwnLoss = None
    clean: bool = False

    def lacks(self, name: str) -> bool:
        """Whether the run folder lacks a file, as the main process sees it: the others may look later."""
        return self.world.agree(not self.folder.has(name))


def travel(journey: Journey, packed: Packed) -> Run:
    """From data to a finished Run; an interruption leaves a folder that can be resumed."""
    folder, watcher = journey.folder, journey.watcher
    try:
        with threads(threads_of(journey, packed.backbone)):
            return _travelled(journey, packed)
    except (Interrupted, KeyboardInterrupt):
        folder.write_seconds(journey.clock.spent)
        hint = f"upfit resume {folder.path}"
        raise Interrupted("interrupted; what was reached is saved", hint=hint) from None
    finally:
        watcher.close()
        folder.unlock()


def _travelled(journey: Journey, packed: Packed) -> Run:
    """The stages, one after the other."""
    folder, watcher = journey.folder, journey.watcher
    data, backbone = packed.data, packed.backbone
    bench = lay_out(journey, packed)
    watcher.stage("linear probe on the frozen backbone")
    probe = kept(folder, "probe", lambda: probe_stage(bench, backbone))
    folder.write_seconds(journey.clock.spent)
    watcher.stage("planning")
    put_in_place(folder)
    bench, plan = settled(journey, bench, backbone, probe)
    improved = improve(journey, bench, backbone, probe, plan)
    bench = improved.bench
    watcher.stage("judging and reporting")
    fitted = tuple(one for one in (probe, improved.tuned, improved.refitted) if one is not None)
    found = (
        *data.findings,
        *folder.read_findings(),
        *findings_of_split(data, bench.split),
        *improved.findings,
    )
    findings = tuple(dict.fromkeys(found))
    return finish_run(
        folder, bench, fitted, findings, metric=journey.metric, clock=journey.clock, mlflow=journey.mlflow
    )


@dataclass(frozen=True, eq=False)
class Packed:
    """What a journey needs beside the data; made before anything is written, so that faults cost nothing."""

    data: Data
    recipe: Recipe
    split: Split
    backbone: Backbone


def pack(data: Data, recipe: Recipe, split: Split | None, *, ratio: str, own_loss: OwnLoss = None) -> Packed:
    """Check that data, recipe and backbone go together; split the data unless that was done before."""
    modality = data.schema.modality
    if modality == "table":
        raise InputError(
            "there is no image and no text column; tables alone are not supported yet",
            hint="--kind COLUMN=text if one of the columns is text",
        )
    split = split or make_split(data, ratio=ratio, seed=recipe.seed)
    # A loss that does not fit the task or the classes is refused before any work.
    check_sampler(recipe, data.schema.task)
    known = targets(data, split.train)
    check_fits(recipe, task=data.schema.task, modality=modality)
    Objective.of(data.schema.task, known, data.schema.classes, own=own_loss).check(recipe.loss)
    backbone = load_backbone(recipe.backbone, modality, segments=segment_count(data.schema))
    check_layers(recipe, backbone)
    check_size(recipe, backbone=backbone.name, fixed=getattr(backbone.inputs, "fixed", False))
    return Packed(data, recipe, split, backbone)


def lay_out(journey: Journey, packed: Packed) -> Workbench:
    """Settle how examples are shown to the backbone, how many of them, and in which precision."""
    folder, data, split = journey.folder, packed.data, packed.split
    for line in idle(packed.recipe, packed.backbone.modality):
        journey.watcher.note(line)
    if journey.clock.left is not None and journey.lacks("split.parquet"):
        journey.watcher.stage("what the budget affords")
    bench = _bench(journey, data, split, _with_inputs(journey, packed))
    if journey.lacks("split.parquet"):
        bench = _afforded(journey, bench, packed.backbone)
        folder.write_split(bench.split)
        journey.world.wait()
    bench = with_pictures(in_precision(bench, packed.backbone), packed.backbone)
    return with_clean_labels(bench, packed.backbone, folder) if journey.clean else bench


def settled(
    journey: Journey, bench: Workbench, backbone: Backbone, probe: Fitted
) -> tuple[Workbench, Plan | None]:
    """Settle the recipe and plan the tuning; a resumed run takes both as they were."""
    folder = journey.folder
    if journey.lacks("plan.json"):
        bench = bench.with_recipe(_settled_recipe(journey, bench, backbone, probe))
        bench = _with_tried_layers(journey, bench, backbone)
        bench, rates = measured_rates(bench, backbone, probe, left=journey.clock.left)
        reserve = _reserve(journey.clock, rates, bench)
        left = None if journey.clock.left is None else journey.clock.left - reserve
        costs = Costs(rates.step, rates.evaluation(bench.split), left)
        per_epoch = -(-len(bench.split.train) // cast(int, bench.recipe.batching.size))
        plan = bench.world.agree(make_plan(bench.recipe, per_epoch=per_epoch, costs=costs))
        if bench.recipe.optimizer.lr == "range_test":
            bench = _with_tested_rate(journey, bench, backbone, plan)
            left = None if journey.clock.left is None else journey.clock.left - reserve
            costs = replace(costs, left=left)
            plan = bench.world.agree(make_plan(bench.recipe, per_epoch=per_epoch, costs=costs))
        if plan is not None:
            bench = bench.with_recipe(settle_techniques(bench.recipe, plan.total_steps))
            bench = with_compiling(bench, backbone, plan.total_steps * rates.step)
        folder.write_text("recipe.yaml", bench.recipe.to_yaml())
        kept_plan = None if plan is None else asdict(plan)
        folder.write_json("plan.json", {"plan": kept_plan, "reserve": reserve, "rates": asdict(rates)})
        journey.world.wait()
    saved = folder.read_json("plan.json")
    bench = bench.with_recipe(folder.read_recipe())
    if saved["plan"] is None:
        return bench, None
    return bench, replace(Plan(**saved["plan"]), deadline=journey.clock.deadline(saved["reserve"]))


def _with_tried_layers(journey: Journey, bench: Workbench, backbone: Backbone) -> Workbench:
    """The bench with the layers that trials chose, where the recipe leaves the choice to them."""
    if bench.recipe.layers.train != "auto":
        return bench
    stop, left = journey.places.asked_to_stop, journey.clock.left
    choice = choose_layers(bench, backbone, metric=journey.metric, left=left, asked_to_stop=stop)
    journey.watcher.note(choice.finding.message)
    journey.folder.write_findings((*journey.folder.read_findings(), choice.finding))
    return bench.with_recipe(bench.recipe.replace(layers=bench.recipe.layers.replace(train=choice.train)))


def _with_tested_rate(journey: Journey, bench: Workbench, backbone: Backbone, plan: Plan | None) -> Workbench:
    """The bench with the rate that a range test finds; the folder keeps its curve."""
    total = 0 if plan is None else plan.total_steps
    journey.watcher.stage("testing learning rates")
    left = journey.clock.left
    rated = rate_stage(
        bench,
        backbone,
        total=total,
        seconds=None if left is None else SHARE * left,
        asked_to_stop=journey.places.asked_to_stop,
    )
    journey.watcher.note(rated.finding.message)
    journey.folder.write_findings((*journey.folder.read_findings(), rated.finding))
    if rated.tested is not None:
        journey.folder.write_json("range_test.json", rated.tested.to_json())
    return bench.with_recipe(rated.recipe)


def _bench(journey: Journey, data: Data, split: Split, recipe: Recipe) -> Workbench:
    """The tools of this journey, laid out for a split."""
    train_targets = targets(data, split.train)
    return Workbench(
        data=data,
        split=split,
        recipe=recipe,
        objective=Objective.of(data.schema.task, train_targets, data.schema.classes, own=journey.own_loss),
        train_targets=train_targets,
        validation_targets=targets(data, split.validation),
        world=journey.world,
        cache=FeatureCache(),
        watcher=journey.watcher,
    )


def _afforded(journey: Journey, bench: Workbench, backbone: Backbone) -> Workbench:
    """The bench with no more rows than the budget affords; says so where it cuts."""
    left = journey.clock.left
    if left is None or not may_cut(bench.split):
        return bench
    seconds = bench.world.agree((seconds_per_example(bench, backbone), left))
    split, findings = affordable(bench.split, seconds=seconds[0], left=seconds[1], seed=bench.recipe.seed)
    for finding in findings:
        journey.watcher.note(finding.message)
    journey.folder.write_findings(findings)
    return _bench(journey, bench.data, split, bench.recipe) if findings else bench


def _with_inputs(journey: Journey, packed: Packed) -> Recipe:
    """Settle how examples are shown; a resumed run shows them as before, whatever its clock says."""
    folder = journey.folder
    backbone = packed.backbone
    recipe = packed.recipe.replace(backbone=backbone.name)
    if journey.lacks("inputs.json"):
        rows = packed.split.train
        settled = settle_inputs(recipe, packed.data, backbone, rows, left=journey.clock.left)
        folder.write_json("inputs.json", journey.world.agree(settled.inputs.model_dump()))
        journey.world.wait()
    return recipe.replace(inputs=Inputs(**folder.read_json("inputs.json")))


def _settled_recipe(journey: Journey, bench: Workbench, backbone: Backbone, probe: Fitted) -> Recipe:
    """Every `auto` of the recipe but those that depend on the plan."""
    bench, findings = with_measured_policy(bench, backbone, probe, left=journey.clock.left)
    journey.folder.write_findings((*journey.folder.read_findings(), *findings))
    rows, left = len(bench.split.train), bench.world.agree(journey.clock.left)
    once = probe.facts["forward_seconds"] * (rows + len(bench.split.validation))

    def filled(recipe: Recipe) -> Recipe:
        recipe = settle(recipe, modality=backbone.modality, task=bench.data.schema.task, count=rows)
        return settle_cache(recipe, once=once, left=left)

    sized = with_batch_size(bench.recipe, bench.with_recipe(filled(bench.recipe)), backbone, probe, left=left)
    # Rates and whatever else follows from the size are filled in for the one that was measured.
    return filled(sized)


def _reserve(clock: Clock, rates: Rates, bench: Workbench) -> float:
    """Seconds to keep for what comes after tuning."""
    finish, refit = rates.finish(bench.split), rates.refit(bench.split)
    left = clock.left
    return finish + (refit if left is None or refit < REFIT_SHARE * left else 0.0)


def require_same(folder: RunFolder, data: Data) -> None:
    """Raise `RunFolderError` if a run is resumed with other data than it began with."""
    if not folder.has("data.json"):
        facts = {"fingerprint": data.fingerprint, "rows": len(data), "source": data.source}
        folder.write_json("data.json", {**facts, "schema": data.schema.model_dump(mode="json")})
    elif folder.read_json("data.json")["fingerprint"] != data.fingerprint:
        raise RunFolderError(
            "the data have changed since this run began",
            hint=f"put them back as they were, or start anew: upfit fit {data.source}",
        )
