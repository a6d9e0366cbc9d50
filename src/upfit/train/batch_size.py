"""How many examples a step takes where the recipe leaves that to us: what memory holds, and what is fast.

Default rates were measured at batches of 32, and each doubling halves the number of steps in an epoch, so a
larger batch has to earn its place: examples have to go through clearly faster. On GPUs they do, up to a size
that depends on network and inputs. On CPUs they do not, and a busy one would have a clock decide what is
learnt: the same seed has to give the same run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn

from upfit.models import Backbone
from upfit.techniques.batch_scaling import REFERENCE_SIZE
from upfit.train.adapting import without_adapters
from upfit.train.fitting import longest, whole_seconds
from upfit.train.job import Source
from upfit.train.remembered import remembered
from upfit.train.stages import fresh_network, training_parts
from upfit.train.workbench import Workbench
from upfit.train.world import Batch
from upfit.values import Gradual

FASTER = 1.25
"""An example has to go through so many times faster in a batch of twice the size."""
LARGEST = 1024
STEPS = 8
"""Steps that an epoch keeps at least."""
SHARE = 0.02
"""Part of the time left that measuring may take."""
WELL_OFF = 300.0
"""Seconds that have to be left where it is not known what a forward pass takes."""


@dataclass(frozen=True, eq=False)
class BatchSizes:
    """Measures batches of several sizes on this machine.

    Args:
        bench: With a settled recipe, whose batch size does not matter.
        backbone: What is tuned; left as it was.
        forward: Seconds of an example's forward pass, preparation included; 0 where that is not known.
    """

    bench: Workbench
    backbone: Backbone
    forward: float

    def chosen(self, asked: str, *, usual: int, left: float | None) -> int:
        """What `auto` or `largest` means for these data on this machine.

        Args:
            asked: Which of the two.
            usual: The size that `auto` means where nothing is measured.
            left: Seconds of the budget; None for no limit.
        """
        sizes = candidates(len(self.bench.split.train))
        if not sizes:
            return usual
        world = self.bench.world
        if asked == "largest":
            # What one process finds holds for all: they have to go on together.
            return (
                largest(sizes, lambda size: world.agree(self.seconds(size, timed=False) is not None)) or usual
            )
        if world.device.type == "cpu" or world.size > 1 or not self._pays(sizes, left):
            return usual
        return self.fastest_of(sizes, usual=usual)

    def fastest_of(self, sizes: list[int], *, usual: int) -> int:
        """The size up to which each doubling paid on this machine, measured once and remembered."""
        with self._trained(sizes[0]) as (_, source):
            example = _tensors(longest(source))
        answer = remembered(
            "batch_size",
            example,
            name=f"{self.backbone.name} {self._about()} up to {sizes[-1]}",
            measure=lambda: str(fastest(sizes, self.seconds) or usual),
        )
        return int(answer)

    def seconds(self, size: int, *, timed: bool = True) -> float | None:
        """Seconds of a forward and backward pass of `size` examples at once; None if they do not fit."""
        loss = self.bench.objective.loss(self.bench.recipe.loss)
        with self._trained(size) as (model, source):
            return whole_seconds(model, source, loss, self.bench.world, timed=timed)

    @contextmanager
    def _trained(self, size: int) -> Iterator[tuple[nn.Module, Source]]:
        """What would be trained in batches of `size`, and on what."""
        recipe = self.bench.recipe
        train = recipe.layers.train
        if train == "auto" or isinstance(train, Gradual):
            # What they come to in the end decides about memory.
            train = "all"
        bench = self.bench.with_recipe(
            recipe.replace(
                batching=recipe.batching.replace(size=size),
                layers=recipe.layers.replace(train=train),
                # A head fitted to the features would go through no faster.
                head=recipe.head.replace(init="fresh"),
            )
        )
        network = fresh_network(bench, self.backbone)
        try:
            yield training_parts(bench, network)
        finally:
            without_adapters(network, keep=False)

    def _pays(self, sizes: list[int], left: float | None) -> bool:
        """Whether there is a choice, and two sizes, twice each, take but a small part of the time left."""
        # The head alone learns on features that are there already: its steps cost next to nothing.
        if len(sizes) < 2 or self.bench.recipe.layers.train == "head":
            return False
        if left is None or not self.forward:
            return left is None or left >= WELL_OFF
        return 3 * self.forward * 2 * sum(sizes[:2]) <= SHARE * left

    def _about(self) -> str:
        recipe = self.bench.recipe
        return f"{recipe.layers.train} {recipe.layers.adapter.name} {recipe.precision}"


def candidates(count: int) -> list[int]:
    """Batch sizes that may be chosen for so many training rows.

    >>> candidates(200), candidates(1_000), candidates(10_000)[-1]
    ([], [32, 64], 1024)
    """
    sizes, size = [], REFERENCE_SIZE
    while size <= min(LARGEST, count // STEPS):
        sizes.append(size)
        size *= 2
    return sizes


def largest(sizes: Iterable[int], fits: Callable[[int], bool]) -> int | None:
    """The last of growing sizes before the first that does not fit; None if none does.

    >>> largest([32, 64, 128], lambda size: size < 100)
    64
    """
    found = None
    for size in sizes:
        if not fits(size):
            break
        found = size
    return found


def fastest(sizes: Iterable[int], seconds: Callable[[int], float | None]) -> int | None:
    """The last of growing sizes that each made an example go through clearly faster; None if none fits.

    Args:
        sizes: Growing.
        seconds: Of a step of so many examples; None where memory does not hold them.

    Example:
        >>> fastest([32, 64, 128, 256], lambda size: 1 + size / 50), fastest([32, 64], lambda size: size)
        (128, 32)
    """
    found, before = None, float("inf")
    for size in sizes:
        taken = seconds(size)
        if taken is None or (found is not None and taken / size * FASTER > before):
            break
        found, before = size, taken / size
    return found


def _tensors(batch: Batch) -> dict[str, torch.Tensor]:
    """What of a batch has a shape."""
    return {name: value for name, value in batch.items() if isinstance(value, torch.Tensor)}
