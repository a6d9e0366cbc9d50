"""The frozen-prefix cache: while the first layer groups stand still, their activations are computed once.

Training and validation then read the activations that leave the prefix, memory-mapped, and the prefix never
runs. A run without the cache gives the same result (within 1e-4 of its losses in fp32): in both the prefix is
in evaluation mode, and both see the same views of each example.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from upfit.data.boundary import PLAIN, Activations, BoundaryExamples, to_kept
from upfit.data.loader import Loader
from upfit.models import Network
from upfit.models.cut import Cut, cut_backbone, evaluating
from upfit.store.feature_cache import content_key, tensors_digest
from upfit.techniques import build
from upfit.techniques.seams import OnBatch
from upfit.train.workbench import Workbench
from upfit.train.world import Batch
from upfit.values import Rows

BEHIND = ("mixup_features",)
"""Techniques that change batches, but not what the prefix reads."""
TRIED = 4
"""Examples on which the cut backbone is compared with the whole one."""


class Moving:
    """A loader that is exchanged while others hold on to it."""

    def __init__(self, loader: Loader) -> None:
        self.loader = loader

    def __len__(self) -> int:
        """Batches per epoch."""
        return len(self.loader)

    @property
    def count(self) -> int:
        """Number of examples."""
        return self.loader.count

    def epoch(self, epoch: int, *, start: int = 0) -> Iterator[Batch]:
        """As `Loader.epoch`."""
        return self.loader.epoch(epoch, start=start)

    def once(self) -> Iterator[Batch]:
        """As `Loader.once`."""
        return self.loader.once()


@dataclass(frozen=True)
class Part:
    """Rows, as the loop or validation reads them: `plain` runs the whole network."""

    rows: Rows
    plain: Loader
    moving: Moving
    views: tuple[int, ...] = (PLAIN,)


class Boundary:
    """Where a network is cut now, and the batches on both ways of running it.

    Args:
        bench: With a settled recipe.
        network: Whole.
    """

    def __init__(self, bench: Workbench, network: Network) -> None:
        self.bench, self.network, self.at = bench, network, 0
        self.sample: Batch = {}
        backbone, split, recipe = network.backbone, bench.split, bench.recipe
        training = bench.training_loader(bench.examples(backbone, split.train, varied=True))
        validation = bench.evaluation_loader(bench.examples(backbone, split.validation))
        views: tuple[int, ...] = (PLAIN,)
        if recipe.augment.views is not None and bench.is_varied(backbone):
            views = tuple(range(recipe.augment.views))
        self.training = Part(split.train, training, Moving(training), views)
        self.validation = Part(split.validation, validation, Moving(validation))

    def move(self, frozen: int) -> None:
        """Cut behind so many layer groups, where that is possible; called whenever what is frozen changes."""
        if frozen == self.at:
            return
        self.at = frozen
        cut = self._cut(frozen)
        self.network.cut = cut
        for part in (self.training, self.validation):
            part.moving.loader = part.plain if cut is None else self._behind(cut, part)

    def _cut(self, frozen: int) -> Cut | None:
        """The cut before the first group that learns, or None: then the network runs whole."""
        if frozen == 0 or self.bench.recipe.layers.cache == "off":
            return None
        reason = self._refused()
        if reason:
            self.bench.watcher.note(f"the frozen layers run in every epoch: {reason}")
            return None
        self.network.to(self.bench.world.device)
        self.sample = self.sample or self._small_batch()
        cut, reason = cut_backbone(self.network.backbone, frozen, self.sample)
        if cut is not None and self._bytes(cut) > self.bench.cache.room():
            cut, reason = None, "their activations do not fit on the disk"
        # All processes have to run the same network.
        if not self.bench.world.agree(cut is not None):
            self.bench.watcher.note(f"the frozen layers run in every epoch: {reason}")
            return None
        return cut

    def _refused(self) -> str:
        """Why the activations cannot be kept, from the recipe alone; "" if they can."""
        recipe = self.bench.recipe
        if recipe.augment.views is None and self.bench.is_varied(self.network.backbone):
            return "examples are varied anew each time (augment.views=4 keeps four variations of each)"
        before = [one for one in recipe.techniques if one.name not in BEHIND]
        changing = next((one.name for one in before if isinstance(build(one), OnBatch)), "")
        return f"{changing} changes what they read" if changing else ""

    def _small_batch(self) -> Batch:
        part = self.validation if len(self.validation.rows) else self.training
        rows = part.rows[:TRIED]
        loader = Loader(self.bench.examples(self.network.backbone, rows), None, size=TRIED)
        return self.bench.world.move(_inputs(next(iter(loader.once()))))

    def _bytes(self, cut: Cut) -> int:
        """Room that all activations take; varied texts are taken to be as long as the others."""
        units = 0
        for part in (self.training, self.validation):
            lengths = part.plain.examples.lengths
            tokens = len(part.rows) if lengths is None else int(lengths.sum())
            units += len(part.views) * (tokens if self._by_token(cut) else len(part.rows))
        each = 2 if self.bench.recipe.layers.cache == "bf16" else 4
        return units * math.prod(self._shape(cut)) * each

    def _by_token(self, cut: Cut) -> bool:
        """Whether there are activations for each token of a text."""
        return "input_ids" in self.sample and not cut.whole

    def _shape(self, cut: Cut) -> tuple[int, ...]:
        """Of the activations of one example, or of one token."""
        with evaluating(cut.backbone), torch.inference_mode(), self.bench.world.autocast():
            hidden = _laid_out(cut.prefix(self.sample))
        return tuple(hidden.shape[2 if self._by_token(cut) else 1 :])

    def _behind(self, cut: Cut, part: Part) -> Loader:
        """A loader like the plain one, of activations."""
        plain = part.plain
        kept = {view: self._kept(cut, part, view) for view in part.views}
        image_like = any(one.values.ndim == 4 for one in kept.values())
        examples = BoundaryExamples(plain.examples, kept, image_like=image_like)
        return plain.of(examples)

    def _kept(self, cut: Cut, part: Part, view: int) -> Activations:
        """Activations of one view of all examples, from the cache if they are there."""
        bench, bf16 = self.bench, self.bench.recipe.layers.cache == "bf16"
        loader = part.plain.alone()
        starts = _starts(loader, view) if self._by_token(cut) else None
        shape = (len(part.rows) if starts is None else int(starts[-1]), *self._shape(cut))

        def write(array: Any) -> None:
            with evaluating(cut.backbone):
                self._compute(cut, loader, view, Activations(array, starts))

        if not bench.world.is_main:
            bench.world.wait()
        key = self._key(cut, part, view)
        values = bench.cache.fill(key, shape, "uint16" if bf16 else "float32", write)
        if bench.world.is_main:
            bench.world.wait()
        return Activations(values, starts)

    @torch.inference_mode()
    def _compute(self, cut: Cut, loader: Loader, view: int, into: Activations) -> None:
        """Run the prefix over all examples and lay its answers down."""
        world, done = self.bench.world, 0
        self.bench.watcher.stage("activations of the frozen layers")
        for batch in loader.once(view=view):
            with world.autocast():
                hidden = _laid_out(cut.prefix(world.move(_inputs(batch)))).cpu()
            values = to_kept(hidden, bf16=into.values.dtype == np.uint16)
            for position, value in zip(batch["position"].tolist(), values, strict=True):
                place = into.get(position)
                place[...] = value[: len(place)] if into.starts is not None else value
            done += len(values)
            self.bench.watcher.advance(done, loader.count)

    def _key(self, cut: Cut, part: Part, view: int) -> str:
        """Everything that the activations depend on."""
        bench = self.bench
        recipe = bench.recipe
        varied = "" if view == PLAIN else f"{recipe.augment.model_dump_json()} {recipe.seed} {view}"
        return content_key(
            tensors_digest(cut.state()),
            f"{cut.backbone.name} {cut.at} {cut.backbone.width} {recipe.layers.cache} {recipe.precision}",
            recipe.inputs.model_dump_json(),
            bench.data.fingerprint,
            np.ascontiguousarray(part.rows, np.int64).tobytes(),
            varied,
        )


def _inputs(batch: Batch) -> Batch:
    """A batch without what only a loop wants."""
    return {name: value for name, value in batch.items() if value.ndim > 1}


def _laid_out(hidden: torch.Tensor) -> torch.Tensor:
    """Feature maps channels-last, (B, H, W, C); everything else as it is."""
    return hidden.permute(0, 2, 3, 1) if hidden.ndim == 4 else hidden


def _starts(loader: Loader, view: int) -> Any:
    """Where the tokens of each example begin, if they lie one behind the other."""
    lengths = loader.examples.lengths
    if view != PLAIN or lengths is None:
        # A varied text has as many tokens as it has.
        lengths = np.array([loader.get(position, view=view).shape[1] for position in range(loader.count)])
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
