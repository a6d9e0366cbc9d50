"""Gradients of a batch, in pieces where memory does not hold it whole."""

from __future__ import annotations

import torch

from upfit.train.gradients import average_gradients
from upfit.train.job import Job, Surroundings
from upfit.train.micro import fewest, pieces, row_count
from upfit.train.objective import LossFunction
from upfit.train.out_of_memory import Moment, empty_cache, halved, is_out_of_memory
from upfit.train.state import State
from upfit.train.world import Batch, World
from upfit.values import Event


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
    rows, few = row_count(batch), fewest(batch)
    if around.world.device.type == "cpu":
        # The copy of the first state lies in the very memory that ran out.
        around.start.give_up()
    empty_cache()
    state.micro_size = halved(around.world.agree(max(few, min(state.micro_size or rows, rows))), fewest=few)
    text = f"out of memory: batches now go through in pieces of {state.micro_size}, the step is repeated"
    around.tell(Event(state.step + 1, "out_of_memory", text, {"micro_size": state.micro_size}))


def example_losses(loss: LossFunction, logits_BK: torch.Tensor, batch: Batch) -> torch.Tensor:
    """The loss of each example (B,); of both labels, by their shares, where a technique mixed examples."""
    share = len(logits_BK)
    losses_B = loss(logits_BK, batch["target"][:share])
    if "other_target" not in batch:
        return losses_B
    other_B = batch["other_share"][:share]
    return (1 - other_B) * losses_B + other_B * loss(logits_BK, batch["other_target"][:share])
