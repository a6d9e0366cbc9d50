"""What is chosen by measuring this machine: threads, precision, batches, pieces of a batch, compiling."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Literal, cast

import torch

from upfit.models import Backbone
from upfit.train.adapting import without_adapters
from upfit.train.batch_size import BatchSizes
from upfit.train.compiling import pays, settle_compile, with_compiled_batches
from upfit.train.costs import step_seconds
from upfit.train.fitted import Fitted
from upfit.train.fitting import fitting_size
from upfit.train.loading import workers_for
from upfit.train.precision import choose_precision
from upfit.train.stages import fresh_network, training_parts
from upfit.train.threads import choose_threads
from upfit.train.timing import Rates
from upfit.train.workbench import Workbench
from upfit.train.world import World
from upfit.values import Recipe

if TYPE_CHECKING:
    from upfit.journey.course import Journey

WORTH_MEASURING = 60.0
"""Seconds that a run has to have left for its threads to be measured, which takes one or two."""


def threads_of(journey: Journey, backbone: Backbone) -> int:
    """Threads to compute with; a resumed run has as many as before, since they decide the last digits."""
    if journey.lacks("threads.json"):
        left = journey.clock.left
        measured = journey.world.size == 1 and (left is None or left >= WORTH_MEASURING)
        count = choose_threads(backbone) if measured else torch.get_num_threads()
        journey.folder.write_json("threads.json", journey.world.agree({"threads": count}))
        journey.world.wait()
    return int(journey.folder.read_json("threads.json")["threads"])


def in_precision(bench: Workbench, backbone: Backbone) -> Workbench:
    """Settle the precision, and work in a world of that precision."""
    precision = bench.recipe.precision
    if precision == "auto":
        loader = bench.evaluation_loader(bench.examples(backbone, bench.split.train[:16]))
        batch = next(iter(loader.once()))
        names = ("image", "input_ids", "attention_mask", "segments")
        inputs = {name: batch[name] for name in names if name in batch}
        chosen = bench.world.agree(choose_precision(backbone, inputs, name=backbone.name))
        precision = cast(Literal["fp32", "bf16"], chosen)
    bench = bench.with_recipe(bench.recipe.replace(precision=precision))
    return bench if precision == "fp32" else replace(bench, world=World(precision))


def with_batch_size(
    asked: Recipe, bench: Workbench, backbone: Backbone, probe: Fitted, *, left: float | None
) -> Recipe:
    """The recipe with the batch size that `auto` or `largest` means on this machine.

    Args:
        asked: The recipe as it was asked for.
        bench: With all else settled, and the size that `auto` means where nothing is measured.
        backbone: Left as it was.
        probe: Knows what a forward pass takes.
        left: Seconds of the budget; None for no limit.
    """
    wanted, usual = asked.batching.size, cast(int, bench.recipe.batching.size)
    if isinstance(wanted, int):
        return asked
    sizes = BatchSizes(bench, backbone, probe.facts["forward_seconds"] or 0.0)
    size = bench.world.agree(sizes.chosen(wanted, usual=usual, left=left))
    if size != usual:
        bench.watcher.note(f"batches of {size} examples instead of {usual} (batching.size={wanted})")
    return asked.replace(batching=asked.batching.replace(size=size))


def measured_rates(
    bench: Workbench, backbone: Backbone, probe: Fitted, *, left: float | None = None
) -> tuple[Workbench, Rates]:
    """What things cost on this machine, and the bench with as many examples at once as it has memory for.

    Where finishing takes all that is left, no step is made only to be timed.
    """
    world, batching = bench.world, bench.recipe.batching
    known = Rates(probe.facts["forward_seconds"] or 0.0, math.inf, probe.facts["head_seconds"])
    if world.agree(left is not None and left <= known.finish(bench.split)):
        batching = batching.replace(micro_size=batching.size, workers=0)
        rates = world.agree(replace(known, step=_guessed_step(known, bench)))
        return bench.with_recipe(bench.recipe.replace(batching=batching)), rates
    network = fresh_network(bench, backbone)
    model, source = training_parts(bench, network)
    loss = bench.objective.loss(bench.recipe.loss)
    if batching.micro_size == "auto":
        batching = batching.replace(micro_size=world.agree(fitting_size(model, source, loss, world)))
    step = step_seconds(model, source, loss, world, micro_size=cast(int, batching.micro_size))
    if batching.workers == "auto":
        batching = batching.replace(workers=world.agree(workers_for(source, step, world.device)))
    without_adapters(network, keep=False)
    forward = probe.facts["forward_seconds"] or step / cast(int, batching.size) / 3
    rates = world.agree(Rates(forward, step, probe.facts["head_seconds"]))
    return bench.with_recipe(bench.recipe.replace(batching=batching)), rates


def _guessed_step(rates: Rates, bench: Workbench) -> float:
    """Seconds of a step that nobody timed: a backward pass takes twice as long as a forward one."""
    return 3 * rates.forward * cast(int, bench.recipe.batching.size)


def with_compiling(bench: Workbench, backbone: Backbone, seconds: float) -> Workbench:
    """The bench with `compile` settled, for a training of so many seconds."""

    def measure() -> str:
        network = fresh_network(bench, backbone)
        model, source = training_parts(bench, network)
        step = partial(
            step_seconds,
            source=source,
            loss=bench.objective.loss(bench.recipe.loss),
            world=bench.world,
            micro_size=cast(int, bench.recipe.batching.micro_size),
            # Texts of another length are compiled anew: one batch says enough, and others would take minutes.
            tries=1,
        )
        fast = with_compiled_batches(bench.recipe, model)
        verdict = pays(fast, next(iter(source.epoch(0))), seconds=step, name=backbone.name)
        without_adapters(network, keep=False)
        return verdict

    return bench.with_recipe(settle_compile(bench.recipe, bench.world, seconds=seconds, measure=measure))
