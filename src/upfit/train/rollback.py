"""Bad steps are taken back: the run returns to a healthy state, does it otherwise, and goes on.

Going back is a resume within the process: the newest checkpoint before the trouble (or the state at the
start, kept in memory until there is one) is restored, and the steps since then are made again, the same as
before, up to the step where the cure begins. So the outcome does not depend on when checkpoints were written,
and a killed run ends like one that was not. The decisions are functions of the Trace (`rollback_plan`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch

from upfit.techniques.clip import clip_gradients
from upfit.train.job import Job, Replay, Surroundings
from upfit.train.out_of_memory import empty_cache
from upfit.train.rollback_name import bad_inputs, bad_rows, bad_weights, first_bad
from upfit.train.rollback_plan import KIND, Retake, retake
from upfit.train.rollback_signs import BadStep
from upfit.train.state import State
from upfit.train.world import Batch
from upfit.values import Event


def take_back(bad: BadStep, job: Job, state: State, around: Surroundings, replay: Replay) -> Replay:
    """Go back to a healthy state; returns what has to happen from there on.

    A loss that was thrown up and cannot be cured is no reason to end the run.

    Raises:
        BadStep: The loss or gradient is no number, and that cannot be cured, or is not to be.
    """
    trace = around.journal.trace()
    has_clip = job.recipe.technique("clip") is not None or state.clip_norm is not None
    plan = None
    if job.recipe.watch != "off" and not bad.final:
        plan = retake(bad, trace.steps, trace.events, has_clip=has_clip)
    plan = around.world.agree(plan)
    if plan is not None and put_back(state, around, plan.to):
        return _again(bad, plan, state, around)
    if not bad.is_spike:
        raise bad
    around.recorder.signs.on = False
    return replay


def put_back(state: State, around: Surroundings, step: int) -> bool:
    """Restore the newest healthy state kept at `step` or before, or the oldest; False without any."""
    around.recorder.drop()
    around.watch.drop()
    state.optimizer.zero_grad(set_to_none=True)
    seconds = state.seconds
    for kept in _kept(around, step):
        state.restore(kept)
        state.seconds = seconds
        # One may have been saved after the gradient went wrong, before the loss did.
        if not bad_weights(state):
            empty_cache()
            return True
    return False


def _kept(around: Surroundings, step: int) -> Iterator[dict[str, Any]]:
    """States that the run can go back to, the likeliest first."""
    saved = None if around.checkpoints is None else around.checkpoints.load(until=step)[0]
    while saved is not None and around.checkpoints is not None:
        yield saved
        saved = around.checkpoints.load(until=int(saved["counters"]["step"]) - 1)[0]
    start = around.start.copy()
    if start is not None:
        yield start
    elif around.checkpoints is not None and (oldest := around.checkpoints.oldest()) is not None:
        yield oldest


def _again(bad: BadStep, plan: Retake, state: State, around: Surroundings) -> Replay:
    """What lay after the restored step has to happen again, and the cure on top."""
    replay = cut_back(state, around)
    if plan.named:
        return replace(replay, suspect=bad)
    step = max(plan.event.step, state.step + 1)
    replay.cures[step] = (*replay.cures.get(step, ()), replace(plan.event, step=step))
    return replay


def cut_back(state: State, around: Surroundings) -> Replay:
    """Cut the Trace to where the State is; what lay after it has to happen again."""
    ahead = around.journal.cut(state.step)
    losses = [(one.step, one.loss) for one in around.journal.trace().steps]
    # Only the main process has the journal, and all have to go the same way.
    replay, losses = around.world.agree((Replay.of(ahead), losses))
    around.recorder.signs.reset(losses)
    return replay


def leaves_out(job: Job, state: State, around: Surroundings, batch: Batch, replay: Replay) -> bool:
    """Do what was decided for the coming step; True if it is left out, and counted as taken."""
    number = state.step + 1
    if replay.suspect is not None and replay.suspect.step == number:
        replay.cures[number] = (_named(replay.suspect, job, state, around, batch),)
    events = replay.cures.get(number, ())
    if not events and state.wary and around.world.any(bool(bad_inputs(batch))):
        events = (_left_out(number, batch),)
    for event in events:
        around.tell(event)
        state.rate_factor *= event.data.get("rate", 1.0)
        state.clip_norm = event.data.get("clip", state.clip_norm)
        state.wary = state.wary or "inputs" in event.data
    if not any("left_out" in event.data for event in events):
        return False
    state.step = number
    return True


def _named(bad: BadStep, job: Job, state: State, around: Surroundings, batch: Batch) -> Event:
    """Name the operation at fault, and leave the step out; or end the run, if nothing is to be repaired."""
    if around.world.any(bool(bad_weights(state))):
        # Nothing measured the gradients: they went wrong a step earlier than the loss.
        raise BadStep(bad.step - 1, 0.0)
    inputs, operation = around.world.agree(first_bad(job, state, around.world, batch))
    named = inputs or (f"the first value that is no number comes from {operation}" if operation else "")
    if job.recipe.watch == "detect":
        raise BadStep(bad.step, bad.loss, found=named, final=True)
    text = f"{bad.message}" + (f" ({named})" if named else "")
    data = {"bad_step": float(bad.step), "left_out": 1.0, **(_rows(batch) if inputs else {})}
    return Event(bad.step, KIND, f"{text}: went back to step {bad.step - 1} and left this one out", data)


def _left_out(number: int, batch: Batch) -> Event:
    data = {"bad_step": float(number), "left_out": 1.0, **_rows(batch)}
    return Event(number, KIND, f"step {number} is left out: {bad_inputs(batch)}", data)


def _rows(batch: Batch) -> dict[str, float]:
    """How many examples of a batch are no numbers, and the first of them."""
    rows = bad_rows(batch)
    first = {"example": float(batch["position"][rows[0]])} if rows and "position" in batch else {}
    return {"inputs": float(len(rows)), **first}


def clipped(state: State, parameters: list[torch.nn.Parameter]) -> None:
    """Clip gradients where a cure asked for it."""
    if state.clip_norm is not None:
        clip_gradients(parameters, state.clip_norm)
