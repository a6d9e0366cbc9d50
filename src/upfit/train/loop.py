"""The one loop: it alone changes weights, and everything it changes is in its State.

Read it top to bottom: `train_loop` walks through batches, `take_step` does one optimizer step, `evaluate`
measures, and `Surroundings` is the world outside (time, files, signals, who watches).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import nn

from upfit.measure import higher_is_better
from upfit.models.groups import LayerGroup
from upfit.store import Checkpoints, Journal
from upfit.techniques.batch_norm import freeze_batch_norm
from upfit.techniques.frozen import frozen_prefix, hold_frozen
from upfit.techniques.parts import generator
from upfit.techniques.schedules import multiplier
from upfit.techniques.schedules.plateau import cut_on_plateau
from upfit.train.gradients import average_gradients
from upfit.train.learning import learns_more, let_learn
from upfit.train.micro import pieces, row_count
from upfit.train.objective import LossFunction
from upfit.train.out_of_memory import Moment, empty_cache, halved, is_out_of_memory
from upfit.train.pace import Pace
from upfit.train.recorder import Pending, Recorder
from upfit.train.selection import is_better, level_within
from upfit.train.state import State
from upfit.train.world import Batch, World, bare
from upfit.values import Evaluation, Event, Recipe, Watcher

PLAN_CHECKS = 20
"""How often in a run the plan is compared with the clock."""
AGREE_EVERY = 10
"""Steps between agreements of several processes on saving and stopping."""


class Source(Protocol):
    """Where training batches come from: the same for the same (epoch, start)."""

    def __len__(self) -> int:
        """Batches per epoch."""

    def epoch(self, epoch: int, *, start: int = 0) -> Iterator[Batch]:
        """The batches of one pass from batch `start` on."""


@dataclass(frozen=True)
class Job:
    """What to train, judged on `judged` examples; `moved` is told how many layer groups are frozen ahead."""

    recipe: Recipe
    model: nn.Module
    source: Source
    loss: LossFunction
    measure: Callable[[], tuple[float, dict[str, float]]]
    metric: str
    evaluate_every: int
    judged: int = 0
    freeze_norms: bool = False
    groups: tuple[LayerGroup, ...] = ()
    moved: Callable[[int], None] = lambda frozen: None


@dataclass(frozen=True)
class Surroundings:
    """The world outside the loop."""

    world: World
    journal: Journal
    recorder: Recorder
    watcher: Watcher
    pace: Pace
    checkpoints: Checkpoints | None = None
    asked_to_stop: Callable[[], bool] = lambda: False


@dataclass(frozen=True)
class Replay:
    """What bent the run that is resumed after its checkpoint: step → total steps, step → micro-batch."""

    plan: dict[int, int] = field(default_factory=dict)
    micro: dict[int, int] = field(default_factory=dict)


def train_loop(job: Job, state: State, around: Surroundings, *, replay: Replay | None = None) -> bool:
    """Train until the plan ends, progress stops, time is up, or somebody asks to stop.

    Args:
        job: What to train.
        state: Where it stands; changed in place.
        around: Clock, files, watchers.
        replay: What happened to the run that is resumed after its checkpoint, to happen again.

    Returns:
        False if it was asked to stop (the state is saved and can go on), True when it is done.

    Raises:
        TrainingError: The loss is not finite.
    """
    replay = replay or Replay()
    started = time.monotonic() - state.seconds
    per_epoch = len(job.source)
    while not state.done():
        thaw(job, state, around)
        epoch, start = divmod(state.step, per_epoch)
        for batch in job.source.epoch(epoch, start=start):
            state.micro_size = replay.micro.get(state.step + 1, state.micro_size)
            loss, norm = take_step(job, state, around, batch)
            state.seconds = time.monotonic() - started
            around.pace.stepped()
            around.recorder.add(_pending(state, batch, loss, norm, per_epoch), state.total_steps)
            follow_plan(state, around, replay.plan)
            if state.step % job.evaluate_every == 0 or state.done():
                around.recorder.flush(state.total_steps)
                evaluate(job, state, around, time.monotonic() - started)
            if _pause(state, around):
                return False
            if state.done() or learns_more(job.recipe.layers.train, state, job.groups, per_epoch):
                break
    return True


def take_step(
    job: Job, state: State, around: Surroundings, batch: Batch
) -> tuple[torch.Tensor, torch.Tensor]:
    """One optimizer step; returns this process's part of the mean loss, and the gradient norm."""
    set_rates(job, state)
    parts, rng, progress = state.parts, generator(job.recipe.seed, state.step), state.progress
    batch = parts.on_batch(around.world.move(batch), rng, progress)
    parameters = [p for group in state.optimizer.param_groups for p in group["params"]]
    loss = parts.around_step(lambda: forward_backward(job, state, around, batch), parameters)
    norm = parts.on_grads(parameters, rng, progress)
    state.optimizer.step()
    state.optimizer.zero_grad(set_to_none=True)
    state.step += 1
    parts.on_weights(state.network, state.remembered, step=state.step, total=state.total_steps)
    return loss, norm


def thaw(job: Job, state: State, around: Surroundings) -> None:
    """Let those layer groups learn that are due, and have the frozen ones stand still."""
    if (event := let_learn(job.recipe.layers.train, state, job.groups, len(job.source))) is not None:
        _tell(around, event)
    set_training(job)
    job.moved(frozen_prefix(state.network, job.groups))


def set_rates(job: Job, state: State) -> None:
    """Give every parameter group its rate for the coming step."""
    rate = multiplier(
        job.recipe.schedule,
        state.step,
        state.total_steps,
        per_epoch=len(job.source),
        plateau_factor=state.plateau_factor,
    )
    for group in state.optimizer.param_groups:
        group["lr"] = group["base_lr"] * rate


def forward_backward(job: Job, state: State, around: Surroundings, batch: Batch) -> torch.Tensor:
    """Add the gradients of a batch's mean loss; returns this process's part of that loss.

    Where memory runs out, the same examples go through again in pieces of half the size.
    """
    before = Moment.of(job.model, around.world.device)
    while (loss := add_gradients(job, state, around.world, batch)) is None:
        before.put_back(around.world.device)
        state.optimizer.zero_grad(set_to_none=True)
        use_smaller_pieces(state, around, batch)
    return loss


def add_gradients(job: Job, state: State, world: World, batch: Batch) -> torch.Tensor | None:
    """One try at `forward_backward`; None if memory ran out, in whichever process."""
    loss: torch.Tensor | None = None
    try:
        loss = in_pieces(job, state, world, batch)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
    if world.size > 1:
        # Only now: a process without memory could not take part in an exchange that its backward pass makes.
        if world.any(loss is None):
            return None
        average_gradients(state.network.parameters(), world)
    return loss


def in_pieces(job: Job, state: State, world: World, batch: Batch) -> torch.Tensor:
    """Add this process's gradients, micro-batch by micro-batch."""
    parts, count, losses = pieces(batch, state.micro_size), int(batch["count"]), []
    for number, part in enumerate(parts, 1):
        with world.accelerator.no_sync(job.model):
            loss = summed_loss(job, state, part) / count
            # Gradients are averaged over processes, the loss is a mean over all examples: hence the factor.
            whole = loss * world.size
            penalty = state.parts.penalty(state.network, state.remembered) if number == len(parts) else None
            world.accelerator.backward(whole if penalty is None else whole + penalty)
        losses.append(loss.detach())
    return torch.stack(losses).sum()


def summed_loss(job: Job, state: State, batch: Batch) -> torch.Tensor:
    """The sum of the losses of the examples that count."""
    share = int(batch["share"])

    def forward() -> tuple[torch.Tensor, torch.Tensor]:
        logits_BK = job.model(batch)[:share].float()
        return logits_BK, example_losses(job.loss, logits_BK, batch)

    return state.parts.on_loss(forward, batch, *forward()).sum()


def use_smaller_pieces(state: State, around: Surroundings, batch: Batch) -> None:
    """Halve the micro-batch from now on; raises `MemoryExhausted` where it cannot be."""
    rows = row_count(batch)
    empty_cache()
    state.micro_size = halved(around.world.agree(min(state.micro_size or rows, rows)))
    text = f"out of memory: batches now go through in pieces of {state.micro_size}, the step is repeated"
    _tell(around, Event(state.step + 1, "out_of_memory", text, {"micro_size": state.micro_size}))


def example_losses(loss: LossFunction, logits_BK: torch.Tensor, batch: Batch) -> torch.Tensor:
    """The loss of each example (B,); of both labels, by their shares, where a technique mixed examples."""
    share = len(logits_BK)
    losses_B = loss(logits_BK, batch["target"][:share])
    if "other_target" not in batch:
        return losses_B
    other_B = batch["other_share"][:share]
    return (1 - other_B) * losses_B + other_B * loss(logits_BK, batch["other_target"][:share])


def evaluate(job: Job, state: State, around: Surroundings, seconds: float) -> None:
    """Measure validation with the weights that would be kept, and remember the best."""
    with borrowed(state.network, state.averaged()):
        loss, metrics = job.measure()
    set_training(job)
    # A metric that these targets do not define (AUROC of one class) leaves the choice to the loss.
    value = metrics.get(job.metric, 0.0) * (1 if higher_is_better(job.metric) else -1)
    state.peak = value if state.peak is None else max(value, state.peak)
    best = None if state.best is None else (state.best.value, state.best.loss)
    level = level_within(job.metric, abs(state.peak), job.judged)
    better = is_better(value, loss, best=best, peak=state.peak, level=level)
    if better:
        state.remember_best(value, loss)
    state.waited(value, better, least=job.recipe.stopping.min_delta)
    epoch = state.step / len(job.source)
    record = Evaluation(state.step, epoch, loss, metrics, better, seconds)
    around.journal.add(record)
    around.watcher.evaluation(record)
    if job.recipe.schedule.name == "plateau":
        cut_rate(job, state, around, better)
    patience = job.recipe.stopping.patience
    if patience is not None and state.stale >= patience and not state.done():
        state.stopped = f"no progress in {patience} evaluations"
        _tell(around, Event(state.step, "early_stop", state.stopped))
    around.pace.evaluated()


def cut_rate(job: Job, state: State, around: Surroundings, better: bool) -> None:
    """What schedule `plateau` makes of an evaluation."""
    before = state.plateau_factor
    state.plateau_factor, state.plateau_stale = cut_on_plateau(
        before, state.plateau_stale, better=better, schedule=job.recipe.schedule
    )
    if state.plateau_factor != before and not state.done():
        text = f"no progress on validation: the rate is now {state.plateau_factor:g} of the full one"
        _tell(around, Event(state.step, "plateau", text, {"factor": state.plateau_factor}))


def follow_plan(state: State, around: Surroundings, replay: dict[int, int]) -> None:
    """Move the schedule's end to what fits, when the machine is slower than the plan assumed."""
    if state.step in replay:
        total = replay[state.step]
    elif around.pace.deadline is None:
        return
    else:
        due = state.step % max(1, state.total_steps // PLAN_CHECKS) == 0
        # Several processes have to ask at the same step, and their clocks differ.
        over = around.pace.over and around.world.size == 1
        if not (due or over):
            return
        total = around.pace.affordable(state.step, state.total_steps)
        total = around.world.agree(state.step if around.pace.over else total)
    if total != state.total_steps:
        text = f"the schedule now ends at step {total} instead of {state.total_steps}, to keep the time"
        state.total_steps = total
        _tell(around, Event(state.step, "plan", text, {"total_steps": total}))


def set_training(job: Job) -> None:
    """Training mode, with BatchNorm statistics held where the recipe says so, and frozen layers still."""
    job.model.train()
    if job.freeze_norms:
        freeze_batch_norm(job.model)
    hold_frozen(bare(job.model), job.groups)


@contextmanager
def borrowed(network: nn.Module, weights: dict[str, torch.Tensor]) -> Iterator[None]:
    """The network with other weights for the length of a block; no weights, no change."""
    if not weights:
        yield
        return
    own = {name: value.detach().clone() for name, value in network.state_dict().items()}
    network.load_state_dict(weights)
    try:
        yield
    finally:
        network.load_state_dict(own)


def _pending(state: State, batch: Batch, loss: torch.Tensor, norm: torch.Tensor, per_epoch: int) -> Pending:
    return Pending(
        step=state.step,
        epoch=state.step / per_epoch,
        lr=float(state.optimizer.param_groups[-1]["lr"]),
        examples=int(batch["count"]),
        seconds=state.seconds,
        loss=loss,
        norm=norm,
    )


def _pause(state: State, around: Surroundings) -> bool:
    """Save when it is time to; True if somebody asked to stop."""
    if around.world.size > 1 and state.step % AGREE_EVERY:
        return False
    stop = around.asked_to_stop()
    due = around.checkpoints is not None and around.checkpoints.due()
    stop, due = around.world.agree((stop, due))
    if around.checkpoints is not None and (stop or due):
        around.recorder.flush(state.total_steps)
        if around.world.is_main:
            around.checkpoints.save(state.step, state.to_dict())
    return stop


def _tell(around: Surroundings, event: Event) -> None:
    around.journal.add(event)
    around.watcher.event(event)
