"""The one-step tests of a run of ours: before it trains, at a small share of its time."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import torch

from upfit.diagnose import diagnose
from upfit.diagnose.preflight.calls import Calls
from upfit.diagnose.preflight.catalogue import Measured, measure_all
from upfit.diagnose.preflight.place import Place
from upfit.diagnose.preflight.subject import Subject
from upfit.measure.inside.scores import Task
from upfit.models import Network
from upfit.store import Journal
from upfit.techniques.layer_rates import layer_rates, parameter_groups
from upfit.techniques.optimizers import ADAM_LIKE, of_recipe
from upfit.train.adapting import without_adapters
from upfit.train.feed import Feed, feed_of
from upfit.train.tune import Plan
from upfit.train.workbench import Workbench
from upfit.values import Event, Finding, Recipe, Trace

if TYPE_CHECKING:
    from upfit.journey.course import Journey

FILE = "preflight.json"
SHARE = 0.02
"""Of a run's time, what the tests may take."""
LEAST = 1.0
"""Seconds; with fewer hardly a test can run."""
CALM = 5.0
"""Seconds for each test that trains a little, where nobody waits for the run."""
SURE = 0.8
"""Confidence from which a run's report repeats a finding."""
QUIET = frozenset({"class_imbalance", "label_noise", "data_leakage", "tiny_last_batch", "too_little_data"})
"""What the audit and the split say better, from all rows."""
INPUTS = ("image", "input_ids", "attention_mask", "segments", "features")
TASKS = {"binary": "classification", "multiclass": "classification"}


@dataclass(frozen=True)
class Checked:
    """What the tests measured, what it means, and what it took."""

    measured: Measured
    findings: tuple[Finding, ...]
    seconds: float

    @property
    def event(self) -> Event:
        """The numbers as a record of the journal, before the first step."""
        text = f"one-step tests, {self.seconds:.1f} s"
        return Event(0, "measured", text, self.measured.facts)

    @property
    def worth_telling(self) -> tuple[Finding, ...]:
        """Findings for the report of a run: sure ones, and not what other parts say better."""
        return tuple(
            one
            for one in self.findings
            if one.confidence >= SURE and one.kind not in QUIET and one.severity != "info"
        )


def tell_start(journey: Journey, bench: Workbench, network: Network, plan: Plan) -> None:
    """Test the start of a run once, and leave what was found in its folder; nothing where time is too short.

    Args:
        journey: Its folder gets `preflight.json`, the numbers in the journal, and sure findings.
        bench: With a settled recipe.
        network: As it will be tuned; stays as it is.
        plan: How long the run is.
    """
    folder = journey.folder
    rates = folder.read_json("plan.json")["rates"]
    limit = SHARE * (journey.clock.budget or rates["step"] * plan.total_steps)
    if limit < LEAST or bench.world.size > 1 or folder.has(FILE) or bench.recipe.watch == "off":
        return
    checked = check_start(bench, network, seconds=limit)
    with closing(Journal(folder.path / "trace.jsonl")) as journal:
        journal.add(checked.event)
    folder.write_findings((*folder.read_findings(), *checked.worth_telling))
    for finding in checked.worth_telling:
        journey.watcher.note(f"{finding.kind}: {finding.message}")
    # Last, so that a kill in between has the tests made again.
    folder.write_json(FILE, {"seconds": checked.seconds, "limit": limit, "skipped": checked.measured.skipped})


def check_start(bench: Workbench, network: Network, *, seconds: float | None = None) -> Checked:
    """Run the one-step tests on a copy of what would be trained. Nothing is changed, random states included.

    Args:
        bench: With a settled recipe.
        network: As it would be trained; stays as it is.
        seconds: What all tests may take together; None lets each take its time.
    """
    begun = time.monotonic()
    random = torch.get_rng_state()
    network = copy.deepcopy(network)
    feed = feed_of(bench, network)
    feed.model.to(bench.world.device)
    subject = _subject(bench, feed)
    if seconds is None:
        subject.seconds = CALM
    else:
        subject.seconds, subject.looking = seconds / 8, seconds / 8
        subject.examples = 1
    measured = measure_all(subject, until=None if seconds is None else begun + seconds)
    without_adapters(network, keep=False)
    torch.set_rng_state(random)
    if _is_scale_free(bench.recipe):
        measured.facts.pop("gradients.norm", None)
    found = diagnose(Trace(events=(Event(0, "measured", "", measured.facts),))).findings
    return Checked(measured, found, time.monotonic() - begun)


def _is_scale_free(recipe: Recipe) -> bool:
    """Whether the size of gradients means nothing: Adam divides by it, clipping bounds it."""
    return recipe.optimizer.name.lower() in ADAM_LIKE or recipe.technique("clip") is not None


def _subject(bench: Workbench, feed: Feed) -> Subject:
    loss = bench.objective.loss(bench.recipe.loss)

    def mean_loss(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return loss(logits.float(), target).mean()

    def forward(model: Any, batch: Any) -> tuple[torch.Tensor, torch.Tensor]:
        with bench.world.autocast():
            return model(batch), batch["target"]

    encoded = bench.objective.encode(bench.validation_targets)
    task = TASKS.get(bench.objective.task, bench.objective.task)
    return Subject(
        calls=Calls(feed.model, mean_loss, forward, Place(("target",))),
        optimizers=(_optimizer(bench, feed),),
        task=cast(Task, task),
        train=_Plain(lambda: feed.source.epoch(0)),
        validation=_Plain(lambda: _with_targets(feed.validation.once(), torch.as_tensor(encoded))),
        frozen=tuple(n for n, p in feed.model.named_parameters() if not p.requires_grad),
    )


def _optimizer(bench: Workbench, feed: Feed) -> torch.optim.Optimizer:
    chosen = bench.recipe.optimizer
    rates = layer_rates(
        len(feed.groups),
        lr=cast(float, chosen.lr),
        head_lr=cast(float, chosen.head_lr),
        decay=cast(float, chosen.layer_decay),
    )
    groups = parameter_groups(
        dict(feed.model.named_parameters()),
        [group.parameters for group in feed.groups],
        rates,
        weight_decay=cast(float, chosen.weight_decay),
        own_rates=chosen.rates,
    )
    return of_recipe(chosen, groups)


class _Plain:
    """A loader of ours as the tests know loaders: dicts of inputs with a `target`, passed over anew."""

    def __init__(self, batches: Callable[[], Iterator[Any]]) -> None:
        self._batches = batches

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for batch in self._batches():
            inputs = {name: batch[name] for name in INPUTS if name in batch}
            yield {**inputs, "target": batch["target"]}


def _with_targets(batches: Iterator[Any], targets: torch.Tensor) -> Iterator[Any]:
    for batch in batches:
        yield {**batch, "target": targets[batch["position"]]}
