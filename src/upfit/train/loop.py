"""The one loop: it alone changes weights, and everything it changes is in its State.

Read it top to bottom: `train_loop` walks through batches, `take_step` does one optimizer step,
`forward_backward` (backward.py) makes gradients, `evaluate` (judging.py) measures, and `Surroundings`
(job.py) is the world outside: time, files, signals, who watches.
"""

from __future__ import annotations

import time

import torch

from upfit.techniques.frozen import frozen_prefix
from upfit.techniques.parts import generator
from upfit.techniques.schedules import multiplier
from upfit.train.backward import forward_backward
from upfit.train.job import Job, Replay, Surroundings, set_training
from upfit.train.judging import evaluate
from upfit.train.learning import learns_more, let_learn
from upfit.train.recorder import Pending
from upfit.train.rollback import clipped, leaves_out
from upfit.train.state import State
from upfit.train.world import Batch
from upfit.values import Event

PLAN_CHECKS = 20
"""How often in a run the plan is compared with the clock."""
AGREE_EVERY = 10
"""Steps between agreements of several processes on saving and stopping."""


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
        BadStep: The loss or the gradient is no number, or the loss was thrown up and stays there.
    """
    replay = replay or Replay()
    started = time.monotonic() - state.seconds
    per_epoch = len(job.source)
    while not state.done():
        thaw(job, state, around)
        epoch, start = divmod(state.step, per_epoch)
        for batch in job.source.epoch(epoch, start=start):
            state.micro_size = replay.micro.get(state.step + 1, state.micro_size)
            if not leaves_out(job, state, around, batch, replay):
                loss, norm = take_step(job, state, around, batch)
                state.seconds = time.monotonic() - started
                around.recorder.add(_pending(state, batch, loss, norm, per_epoch), state.total_steps)
            around.pace.stepped()
            follow_plan(state, around, replay.plan)
            if state.step % job.evaluate_every == 0 or state.done():
                around.flush(state.total_steps)
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
    given = around.world.move(batch)
    batch = parts.on_batch(given, rng, progress)
    parameters = [p for group in state.optimizer.param_groups for p in group["params"]]
    loss = parts.around_step(lambda: forward_backward(job, state, around, batch), parameters)
    around.watch.gradients(job, state, given)
    norm = parts.on_grads(parameters, rng, progress)
    clipped(state, parameters)
    state.optimizer.step()
    state.optimizer.zero_grad(set_to_none=True)
    state.step += 1
    parts.on_weights(state.network, state.remembered, step=state.step, total=state.total_steps)
    return loss, around.watch.stepped(job, state, norm)


def thaw(job: Job, state: State, around: Surroundings) -> None:
    """Let those layer groups learn that are due, and have the frozen ones stand still."""
    if (event := let_learn(job.recipe.layers.train, state, job.groups, len(job.source))) is not None:
        around.tell(event)
    set_training(job)
    frozen = frozen_prefix(state.network, job.groups)
    job.moved(frozen)
    around.watch.moved(frozen)


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
        group["lr"] = group["base_lr"] * rate * state.rate_factor


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
        around.tell(Event(state.step, "plan", text, {"total_steps": total}))


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
        around.flush(state.total_steps)
        if around.world.is_main:
            around.checkpoints.save(state.step, state.to_dict())
        around.start.give_up()
    return stop
