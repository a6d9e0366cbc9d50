"""Workbench: the things every stage of a journey works with, laid out once and never changed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from upfit.data.decoding import Decoder, Kept
from upfit.data.examples import Examples, FeatureExamples, ImageExamples, TextExamples
from upfit.data.loader import Loader
from upfit.models.backbone import Backbone
from upfit.store import FeatureCache
from upfit.techniques.image_policies import image_augmentation, source_side
from upfit.techniques.samplers import chances_of
from upfit.techniques.text_policies import text_augmentation
from upfit.train.objective import Objective
from upfit.train.world import World
from upfit.values import Data, Recipe, Rows, Split, Watcher


@dataclass(frozen=True)
class Workbench:
    """Data, split, recipe and tools of one run.

    Args:
        train_targets: Raw targets of `split.train`, in order; `validation_targets` likewise.
            Targets of the test part are not here: they stay sealed.
        tokenised: Texts that were tokenised already.
        pictures: Images that were decoded already.
    """

    data: Data
    split: Split
    recipe: Recipe
    objective: Objective
    train_targets: npt.NDArray[Any]
    validation_targets: npt.NDArray[Any]
    world: World
    cache: FeatureCache
    watcher: Watcher
    tokenised: dict[tuple[int, int, int], TextExamples] = field(default_factory=dict, compare=False)
    pictures: Kept | None = None

    def with_recipe(self, recipe: Recipe) -> Workbench:
        """The same bench with another recipe."""
        return replace(self, recipe=recipe)

    def examples(self, backbone: Backbone, rows: Rows, *, varied: bool = False) -> Examples:
        """Rows prepared as the backbone reads them, in the recipe's size or length.

        With `varied` the recipe's policy works on them wherever they are drawn for training.
        """
        if backbone.modality == "image":
            return self._images(backbone, rows, varied)
        texts = self._texts(backbone, rows)
        return texts.varied(text_augmentation(self.recipe.augment)) if varied else texts

    def is_varied(self, backbone: Backbone) -> bool:
        """Whether the recipe's policy varies training examples at all."""
        augment = self.recipe.augment
        if backbone.modality == "image":
            return image_augmentation(augment, side=self.decoder(backbone).size) is not None
        return text_augmentation(augment) is not None

    def _images(self, backbone: Backbone, rows: Rows, varied: bool) -> ImageExamples:
        given, decoder = backbone.inputs, self.decoder(backbone)
        return ImageExamples(
            self.data,
            rows,
            size=decoder.size,
            mean=given.mean,
            std=given.std,
            augment=image_augmentation(self.recipe.augment, side=decoder.size) if varied else None,
            decoder=decoder,
        )

    def decoder(self, backbone: Backbone) -> Decoder:
        """Where images come from: their files, or what was kept of them."""
        inputs = self.recipe.inputs
        size = int(backbone.inputs.size) if inputs.image_size == "auto" else inputs.image_size
        shrink = source_side(self.recipe.augment, size=size) if inputs.cache == "compact" else None
        return Decoder.of(self.data, size=size, shrink=shrink, kept=self.pictures)

    def _texts(self, backbone: Backbone, rows: Rows) -> TextExamples:
        wanted, limit = self.recipe.inputs.max_length, backbone.inputs.max_length
        length = limit if wanted == "auto" else min(wanted, limit)
        # Probe, tuning and refitting read the same rows: tokenising a large table takes minutes.
        key = (len(rows), hash(rows.tobytes()), length)
        if key not in self.tokenised:
            self.tokenised[key] = TextExamples(
                self.data,
                rows,
                tokenizer=backbone.inputs.tokenizer,
                max_length=length,
                segments=getattr(backbone, "segments", 1),
            )
        return self.tokenised[key]

    def training_loader(self, examples: Examples) -> Loader:
        """Shuffled training batches, targets in the units of the outputs."""
        batching = self.recipe.batching
        assert not isinstance(batching.size, str), "the recipe has to be settled first"
        return Loader(
            examples,
            self.objective.encode(self.train_targets),
            size=batching.size,
            seed=self.recipe.seed,
            bucket=batching.bucket,
            workers=batching.loaders,
            shard=self.world.shard,
            chances=chances_of(batching.sampler, self.train_targets),
            views=self.recipe.augment.views,
        )

    def evaluation_loader(self, examples: Examples) -> Loader:
        """Every example once, without targets."""
        batching = self.recipe.batching
        return Loader(
            examples,
            None,
            size=batching.evaluation_size,
            workers=batching.loaders,
            shard=self.world.shard,
        )

    def feature_loader(self, features_ND: npt.NDArray[np.float32]) -> Loader:
        """Training batches of features computed before."""
        return self.training_loader(FeatureExamples(features_ND))
