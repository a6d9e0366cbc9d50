"""A bad step under a glass: what in it first went wrong. Afterwards everything is as before."""

from __future__ import annotations

import torch

from upfit.measure.inside.first_bad import FirstBad
from upfit.techniques.parts import generator
from upfit.train.backward import summed_loss
from upfit.train.job import Job
from upfit.train.micro import pieces, tensors_in
from upfit.train.out_of_memory import Moment
from upfit.train.state import State
from upfit.train.world import Batch, World

MOST_ROWS = 5


def first_bad(job: Job, state: State, world: World, batch: Batch) -> tuple[str, str]:
    """Which inputs of a batch, or else which operation, first held a value that is no number.

    Args:
        job: What is trained.
        state: Just before the step.
        world: Its device.
        batch: Of the step, as the loader gives it.

    Returns:
        A clause about the inputs, and the name of an operation and its module; "" for what is in order.
    """
    given = world.move(batch)
    if wrong := bad_inputs(given):
        return wrong, ""
    before = Moment.of(job.model, world.device)
    varied = state.parts.on_batch(given, generator(job.recipe.seed, state.step), state.progress)
    try:
        for part in pieces(varied, state.micro_size):
            with FirstBad(state.network) as glass, world.autocast():
                loss = summed_loss(job, state, part)
            if not glass.found and loss.requires_grad:
                glass.backward(loss)
            if glass.found:
                return "", glass.found
        return "", ""
    finally:
        before.put_back(world.device)
        state.optimizer.zero_grad(set_to_none=True)


def bad_inputs(batch: Batch) -> str:
    """Which examples of a batch hold values that are no numbers; "" if none does.

    Example:
        >>> bad_inputs({"x": torch.tensor([[1.0], [float("nan")]]), "position": torch.tensor([4, 7])})
        'its inputs hold NaN or infinity: training example 7'
    """
    rows = bad_rows(batch)
    if not rows:
        return ""
    if "position" not in batch:
        return f"its inputs or targets hold NaN or infinity, in {len(rows)} examples"
    places = [str(int(batch["position"][row])) for row in rows]
    more = f" and {len(places) - MOST_ROWS} more" if len(places) > MOST_ROWS else ""
    noun = "example" if len(places) == 1 else "examples"
    return f"its inputs hold NaN or infinity: training {noun} {', '.join(places[:MOST_ROWS])}{more}"


def bad_rows(batch: Batch) -> list[int]:
    """Rows of a batch that hold values that are no numbers."""
    rows: set[int] = set()
    for tensor in tensors_in({name: value for name, value in batch.items() if name != "attention_mask"}):
        if tensor.is_floating_point() and tensor.ndim:
            finite = torch.isfinite(tensor.reshape(len(tensor), -1)).all(1)
            rows |= set((~finite).nonzero().flatten().tolist())
    return sorted(rows)


def bad_weights(state: State) -> str:
    """The first parameter that holds a value that is no number; "" if none does."""
    for name, parameter in state.network.named_parameters():
        if not bool(torch.isfinite(parameter).all()):
            return name
    return ""
