"""Tuning: set up a Job from a settled recipe, run the loop, hand back the best weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from upfit.errors import Interrupted
from upfit.models.groups import LayerGroup
from upfit.store import Checkpoints, Journal
from upfit.techniques import parts_of
from upfit.techniques.layer_rates import layer_rates, parameter_groups
from upfit.techniques.optimizers import of_recipe
from upfit.train.compiling import compiled
from upfit.train.heap import give_back
from upfit.train.job import Job, Replay, Source, Surroundings, set_training
from upfit.train.learning import freeze, start_of
from upfit.train.loop import train_loop
from upfit.train.objective import LossFunction
from upfit.train.out_of_memory import memory_explained
from upfit.train.pace import Pace
from upfit.train.recorder import Recorder
from upfit.train.rollback import cut_back, take_back
from upfit.train.rollback_signs import BadStep
from upfit.train.state import State, Weights
from upfit.train.watch import Watch
from upfit.train.world import World
from upfit.values import Event, Recipe, Trace, Watcher
from upfit.values.layers import Gradual

Measure = Callable[[nn.Module], tuple[float, dict[str, float]]]


@dataclass(frozen=True)
class Plan:
    """How long to train.

    Args:
        total_steps: Optimizer steps that should fit the time.
        evaluate_every: Steps between evaluations.
        wanted_steps: Steps without a limit of time: the end never moves beyond.
        evaluation_seconds: What one evaluation should take.
        deadline: `time.monotonic()` at which training has to be over; None for no limit.
    """

    total_steps: int
    evaluate_every: int
    wanted_steps: int
    evaluation_seconds: float = 0.0
    deadline: float | None = None

    @property
    def evaluations(self) -> int:
        """How often a run of so many steps is evaluated: the last step always is.

        Example:
            >>> Plan(total_steps=10, evaluate_every=4, wanted_steps=10).evaluations
            3
        """
        return -(-self.total_steps // self.evaluate_every)


@dataclass(frozen=True)
class Places:
    """Where a tuning leaves its traces; without a folder nothing is written.

    Args:
        folder: The run folder.
        every: Seconds between checkpoints; None lets them cost about 2 % of the time.
        asked_to_stop: Polled after each step.
    """

    folder: Path | None = None
    every: float | None = None
    asked_to_stop: Callable[[], bool] = lambda: False


@dataclass(frozen=True, eq=False)
class Tuned:
    """The best weights by validation, what was observed, and the training seconds."""

    weights: Weights
    trace: Trace
    seconds: float


def tune(
    recipe: Recipe,
    network: nn.Module,
    groups: tuple[LayerGroup, ...],
    *,
    source: Source,
    loss: LossFunction,
    measure: Measure,
    metric: str,
    plan: Plan,
    world: World,
    watcher: Watcher,
    places: Places,
    judged: int = 0,
    moved: Callable[[int], None] = lambda frozen: None,
) -> Tuned:
    """Train `network` in place, or go on from the newest checkpoint of `places.folder`.

    `moved` is told how many layer groups are frozen ahead, before the first step and whenever that changes.

    Raises:
        Interrupted: Somebody asked to stop; the state is saved.
        TrainingError: The loss is not finite.
    """
    freeze(network, groups, recipe.layers.train)
    network.to(world.device)
    state, model = prepare(recipe, network, groups, plan, world)
    with state.parts.on_model(network):
        job = Job(
            recipe=recipe,
            model=model,
            source=source,
            loss=loss,
            measure=lambda: measure(network),
            metric=metric,
            evaluate_every=plan.evaluate_every,
            judged=judged,
            freeze_norms=recipe.layers.batch_norm == "frozen",
            groups=groups,
            moved=moved,
        )
        around = surroundings(world, watcher, plan, places, watched=recipe.watch != "off")
        try:
            return _carry_on(job, state, around)
        finally:
            around.journal.close()
            give_back()


def prepare(
    recipe: Recipe, network: nn.Module, groups: tuple[LayerGroup, ...], plan: Plan, world: World
) -> tuple[State, nn.Module]:
    """Techniques, optimizer and State; the network as Accelerate wants it."""
    chosen = recipe.optimizer
    assert not isinstance(chosen.lr, str)
    assert not isinstance(chosen.head_lr, str)
    assert not isinstance(chosen.layer_decay, str)
    assert not isinstance(chosen.weight_decay, str)
    parts = parts_of(recipe, plan.total_steps)
    rates = layer_rates(len(groups), lr=chosen.lr, head_lr=chosen.head_lr, decay=chosen.layer_decay)
    parameters = parameter_groups(
        dict(network.named_parameters()),
        [group.parameters for group in groups],
        rates,
        weight_decay=chosen.weight_decay,
        own_rates=chosen.rates,
    )
    if isinstance(recipe.layers.train, Gradual):
        world.expect_unused()
    model, optimizer = world.accelerator.prepare(network, of_recipe(chosen, parameters))
    torch.manual_seed(recipe.seed)
    remembered = {**parts.init(network), **start_of(recipe.layers.train)}
    micro = None if recipe.batching.micro_size == "auto" else recipe.batching.micro_size
    state = State(network, optimizer, plan.total_steps, parts, remembered, micro_size=micro)
    return state, compiled(recipe, model, world)


def surroundings(
    world: World, watcher: Watcher, plan: Plan, places: Places, *, watched: bool = False
) -> Surroundings:
    """Clock, files and watchers of one tuning; `watched` also from inside."""
    folder = places.folder
    writes = folder is not None and world.is_main
    journal = Journal(folder / "trace.jsonl" if folder is not None and writes else None)
    return Surroundings(
        world=world,
        journal=journal,
        recorder=Recorder(journal, watcher, world),
        watcher=watcher,
        watch=Watch(journal, world, on=watched),
        pace=Pace(
            plan.deadline,
            evaluate_every=plan.evaluate_every,
            total_steps=plan.wanted_steps,
            evaluation_seconds=plan.evaluation_seconds,
        ),
        checkpoints=None if folder is None else Checkpoints(folder / "checkpoints", every=places.every),
        asked_to_stop=places.asked_to_stop,
    )


def _carry_on(job: Job, state: State, around: Surroundings) -> Tuned:
    """Restore what there is, train to the end, and load the best weights into the network."""
    replay = _restore(state, around)
    set_training(job)
    around.recorder.signs.on = job.recipe.watch == "repair"
    if job.recipe.watch != "off":
        around.start.keep(state)
        if state.step == 0 and job.judged:
            # A swing of two examples in fifty is no swing: rules have to know.
            facts = {"validation.examples": float(job.judged)}
            around.journal.add(Event(0, "measured", "what validation holds", facts))
    while True:
        try:
            with memory_explained():
                whole = train_loop(job, state, around, replay=replay)
            break
        except BadStep as bad:
            replay = take_back(bad, job, state, around, replay)
    if not whole:
        raise Interrupted(f"stopped at step {state.step} of {state.total_steps}; the run is saved")
    assert state.best is not None, "a run ends with an evaluation"
    state.network.load_state_dict(state.best.weights)
    return Tuned(state.best.weights, around.journal.trace(), state.seconds)


def _restore(state: State, around: Surroundings) -> Replay:
    """Go back to the newest whole checkpoint; returns what happened after it."""
    if around.checkpoints is None:
        return Replay()
    saved, damaged = around.checkpoints.load()
    if saved is not None:
        state.restore(saved)
    replay = cut_back(state, around)
    lines = [Event(state.step, "checkpoint_skipped", line) for line in damaged]
    if saved is not None:
        lines.append(Event(state.step, "resumed", f"resumed at step {state.step}"))
    for event in lines:
        around.journal.add(event)
        around.watcher.event(event)
    return replay
