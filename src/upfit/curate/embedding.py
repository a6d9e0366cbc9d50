"""Features of the frozen backbone for rows of data, outside of a run: audits and curves read them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from upfit.data.texts import texts
from upfit.data.tokens import segment_count
from upfit.models import Backbone, load_backbone
from upfit.store import FeatureCache
from upfit.train.features import cached_features
from upfit.train.objective import Objective
from upfit.train.settle import settle_inputs
from upfit.train.workbench import Workbench
from upfit.train.world import World
from upfit.values import Data, Recipe, Rows, Silent, Split, Watcher

Features = npt.NDArray[np.float32]
_NONE: Rows = np.empty(0, np.int64)


@dataclass(frozen=True, eq=False)
class Embedder:
    """A backbone made ready for some data; features come from the cache where they were computed before.

    Args:
        bench: Data, recipe and cache; its split and targets are empty.
        backbone: Frozen.
    """

    bench: Workbench
    backbone: Backbone

    def features(self, rows: Rows) -> Features:
        """(N, D) pooled features of rows, in order."""
        if not len(rows):
            return np.zeros((0, self.backbone.width), np.float32)
        return np.asarray(cached_features(self.bench, self.backbone, rows)[0])

    def token_counts(self, rows: Rows) -> tuple[npt.NDArray[np.int64], int]:
        """(N,) tokens of each row's texts before any is cut off, and how many the backbone reads."""
        tokenizer = self.backbone.inputs.tokenizer
        written = [" ".join(cells) for cells in texts(self.bench.data, rows)]
        counted = tokenizer(written, verbose=False)["input_ids"] if written else []
        return np.array([len(ids) for ids in counted], np.int64), int(self.backbone.inputs.max_length)


def embedder(data: Data, *, model: str = "auto", watcher: Watcher | None = None) -> Embedder | None:
    """The backbone that `fit` would take for these data; None for bare tables, which none reads.

    Raises:
        BackboneError: No such backbone, or it reads something else.
    """
    modality = data.schema.modality
    if modality == "table":
        return None
    backbone = load_backbone(model, modality, segments=segment_count(data.schema))
    recipe = Recipe(backbone=model, precision="fp32")
    sample = np.arange(min(len(data), 2000), dtype=np.int64)
    bench = Workbench(
        data=data,
        split=Split(_NONE, _NONE, _NONE, how="none"),
        recipe=settle_inputs(recipe, data, backbone, sample),
        objective=Objective(data.schema.task),
        train_targets=np.empty(0),
        validation_targets=np.empty(0),
        world=World("fp32"),
        cache=FeatureCache(),
        watcher=watcher or Silent(),
    )
    return Embedder(bench, backbone)
