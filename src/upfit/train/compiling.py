"""`torch.compile`: whole batches through generated code, where that pays within the time there is.

Generating takes a minute or two. On one processor core it made steps of the packaged image backbone
1.02 to 1.14 times faster and those of the text backbone slower (`bench/compiling.py`), so nothing is
taken for granted: it is measured, in runs that are long enough to bear the measurement, once a machine.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from upfit.errors import RecipeError, TrainingError
from upfit.techniques import build
from upfit.techniques.seams import OnModel
from upfit.train.micro import row_count
from upfit.train.remembered import remembered
from upfit.train.world import Batch, World
from upfit.values import Recipe

LOG = logging.getLogger("upfit")
WORTH = 1.05
"""Compiled steps have to be this many times faster."""
SECONDS = 100.0
"""What generating and measuring takes, about."""
SHARE = 0.02
"""Of the training time that may go into the measurement."""
ROUNDS = 3


class Compiled(nn.Module):
    """A network whose whole batches run compiled; all others run as they are.

    The last batch of an epoch, or a piece of one that did not fit memory, is not worth a minute of compiling.

    Args:
        network: Shared, not copied: its parameters are this module's.
        rows: Examples of a whole batch.
    """

    def __init__(self, network: nn.Module, rows: int) -> None:
        super().__init__()
        self.module = network
        self.rows = rows
        # Outside the modules: the same parameters are not to be listed twice.
        self._faster = (torch.compile(network),)

    def forward(self, batch: Batch) -> torch.Tensor:
        """Logits (B, K)."""
        if row_count(batch) != self.rows or not self.training:
            logits: torch.Tensor = self.module(batch)
            return logits
        try:
            logits = self._faster[0](batch)
        except torch._dynamo.exc.TorchDynamoException as error:
            raise TrainingError(
                f"torch.compile failed: {str(error).splitlines()[0]}", hint="--set compile=off"
            ) from error
        return logits


def bare(model: nn.Module) -> nn.Module:
    """The network inside what data parallelism or compiling put around it."""
    return model.module if isinstance(model, DistributedDataParallel | Compiled) else model


def compiled(recipe: Recipe, model: nn.Module, world: World) -> nn.Module:
    """The network as the recipe wants it run: compiled, or as it is.

    Raises:
        RecipeError: `compile` is on and several processes share the work.
    """
    if recipe.compile != "on":
        return model
    if world.size > 1:
        raise RecipeError("compile=on works in one process only", hint="--set compile=off")
    return with_compiled_batches(recipe, model)


def with_compiled_batches(recipe: Recipe, model: nn.Module) -> Compiled:
    """The network with batches, or the pieces that they are cut into, compiled where they are whole."""
    sizes = (recipe.batching.micro_size, recipe.batching.size)
    return Compiled(model, next(size for size in sizes if isinstance(size, int)))


def settle_compile(recipe: Recipe, world: World, *, seconds: float, measure: Callable[[], str]) -> Recipe:
    """Compile or not, by a measurement, in a run that will train for so many seconds.

    Args:
        recipe: Settled but for `compile`.
        world: Several processes do without.
        seconds: That training will take.
        measure: `on` or `off`, by `pays`.

    Returns:
        The recipe with `on` or `off`. What is shorter than fifty measurements is not measured: `off`.
    """
    if recipe.compile != "auto":
        return recipe
    hooked = any(isinstance(build(technique), OnModel) for technique in recipe.techniques)
    if hooked or world.size > 1 or seconds * SHARE < SECONDS:
        return recipe.replace(compile="off")
    return recipe.replace(compile="on" if measure() == "on" else "off")


def pays(fast: Compiled, batch: Batch, *, seconds: Callable[[nn.Module], float], name: str) -> str:
    """`on` where steps are faster compiled, `off` where they are not, or where nothing can be compiled.

    Args:
        fast: The network, to be compiled.
        batch: A whole training batch: its shapes are part of what is remembered.
        seconds: Makes training steps, and says what one takes.
        name: The backbone's, for the memory of verdicts.
    """
    inputs = {key: value for key, value in batch.items() if isinstance(value, torch.Tensor)}
    return remembered("compile", inputs, name=name, measure=partial(_measure, fast, seconds))


def _measure(fast: Compiled, seconds: Callable[[nn.Module], float]) -> str:
    try:
        seconds(fast)
        taken = [(seconds(fast.module), seconds(fast)) for _ in range(ROUNDS)]
    except Exception as error:
        LOG.warning("torch.compile does not work here, so nothing is compiled: %s", error)
        return "off"
    plain, faster = (min(times) for times in zip(*taken, strict=True))
    return "on" if plain > WORTH * faster else "off"
