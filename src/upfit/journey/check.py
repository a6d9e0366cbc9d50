"""`check`: the one-step tests on data or on a run's folder, without training anything."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from upfit.curate.audit import noticed
from upfit.diagnose import Diagnosis, diagnose
from upfit.journey.course import Journey, pack
from upfit.journey.course import lay_out as lay_out_bench
from upfit.journey.preflight import Checked, check_start
from upfit.journey.runs import READ, read_request
from upfit.measure import primary_metric
from upfit.store import RunFolder
from upfit.train.settle import settle
from upfit.train.stages import fresh_network
from upfit.train.timing import Clock
from upfit.train.tune import Places
from upfit.train.workbench import Workbench
from upfit.train.world import World
from upfit.values import Change, Data, Finding, Logged, Recipe, Split, Trace, Watcher

RATE = 1e-3
"""For recipes that leave the rate to a range test, which trains too long for a check."""


@dataclass(frozen=True)
class CheckUp:
    """What the tests say of a start of training.

    Args:
        diagnosis: Findings ranked, what was not measured, what was looked for and not found.
        checked: Numbers and tests that could not run.
        data: Findings of reading the data.
    """

    diagnosis: Diagnosis
    checked: Checked
    data: tuple[Finding, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings, those of the tests first."""
        return (*self.diagnosis.findings, *self.data)

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "verdict": self.diagnosis.verdict,
            "findings": [one.model_dump(mode="json") for one in self.findings],
            "healthy": list(self.diagnosis.healthy),
            "not_measured": {kind: list(needs) for kind, needs in self.diagnosis.not_measured.items()},
            "could_not_run": self.checked.measured.skipped,
            "measured": self.checked.measured.facts,
            "seconds": self.checked.seconds,
        }


def check(
    source: Any = None,
    *,
    recipe: Recipe | None = None,
    changes: tuple[Change, ...] = (),
    split: str = "8:1:1",
    watcher: Watcher | None = None,
    **reading: Any,
) -> CheckUp:
    """Run the one-step tests on what `fit` would train; seconds, and nothing is written.

    Args:
        source: Data, as in `fit`; or the folder of a run, whose data and recipe are taken.
        recipe: Where to start from.
        changes: Edits of the recipe.
        split: Ratio train:validation:test.
        watcher: Sees progress.
        reading: How to read the data, as in `fit`: target, task, kinds, group, time, parts.

    Raises:
        InputError: Data, recipe or run folder cannot be used.

    Example:
        >>> check("flowers/").diagnosis.verdict  # doctest: +SKIP
        'Nothing wrong was found among the 24 illnesses that could be looked for (of 41).'
    """
    watcher = watcher or Logged()
    watcher.stage("reading the data")
    if is_run(source):
        folder = RunFolder.open(Path(source))
        request = folder.read_json("request.json")
        data, given = read_request(request, watcher.advance), folder.read_split()
        base = folder.read_recipe() if folder.has("recipe.yaml") else Recipe.from_yaml(request["recipe"])
    else:
        request = {**dict.fromkeys(READ), "data": source, **reading}
        data, given, base = read_request(request, watcher.advance), None, recipe or Recipe()
    data = noticed(data)
    watcher.stage("one-step tests")
    with tempfile.TemporaryDirectory() as place:
        checked = _checked(data, base.apply(*changes), given, ratio=split, place=Path(place), watcher=watcher)
    watcher.close()
    found = diagnose(Trace(events=(checked.event,)))
    return CheckUp(found, checked, data.findings)


def is_run(source: Any) -> bool:
    """Whether a path is a run folder."""
    return isinstance(source, str | Path) and (Path(source) / "run.json").is_file()


def _checked(
    data: Data, recipe: Recipe, split: Split | None, *, ratio: str, place: Path, watcher: Watcher
) -> Checked:
    """The tests on the bench that a run would work on, its folder in a place that goes away."""
    # What only saves time in a long run is left out of a short look.
    quick: Mapping[str, Any] = {"inputs.cache": "off", "layers.cache": "off", "batching.micro_size": 8192}
    recipe = recipe.apply(*(Change(path=path, to=to) for path, to in quick.items()))
    if recipe.precision == "auto":
        recipe = recipe.replace(precision="fp32")
    packed = pack(data, recipe, split, ratio=ratio)
    journey = Journey(
        folder=RunFolder.create(place / "check"),
        clock=Clock(None),
        metric=primary_metric(data.schema.task),
        places=Places(),
        watcher=watcher,
        world=World(),
    )
    try:
        bench = lay_out_bench(journey, packed)
        bench = bench.with_recipe(_settled(bench, packed.backbone.modality))
        return check_start(bench, fresh_network(bench, packed.backbone))
    finally:
        journey.folder.unlock()


def _settled(bench: Workbench, modality: Any) -> Recipe:
    """The recipe with every `auto` filled in; a fresh head, since a fitted one takes all features."""
    recipe = bench.recipe
    if recipe.head.init != "fresh":
        recipe = recipe.replace(head=recipe.head.replace(init="fresh"))
    if recipe.layers.train in ("auto", "head"):
        recipe = recipe.replace(layers=recipe.layers.replace(train="all"))
    recipe = settle(recipe, modality=modality, task=bench.data.schema.task, count=len(bench.split.train))
    optimizer = recipe.optimizer
    if optimizer.lr == "range_test":
        head = RATE if optimizer.head_lr == "auto" else optimizer.head_lr
        recipe = recipe.replace(optimizer=optimizer.replace(lr=RATE, head_lr=head))
    return recipe
