"""Data, split and backbone of a benchmark, prepared as `upfit fit` would, and how test scores are kept."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from upfit.data.targets import targets
from upfit.measure import metrics
from upfit.models import Backbone, load_backbone
from upfit.split.make import make_split
from upfit.store import FeatureCache
from upfit.testing import digits_folder, docstring_sentences
from upfit.train.objective import Objective
from upfit.train.settle import settle, settle_inputs
from upfit.train.workbench import Workbench
from upfit.train.world import World
from upfit.values import Data, Recipe, Silent
from upfit.values.recipe import Inputs


def write_packaged(kind: str, folder: Path, *, per_class: int) -> Path:
    """Write real data that any clone can make: digits as `image`, sentences of docstrings as `text`."""
    if kind == "image":
        return digits_folder(folder / "digits", per_class=per_class)
    path = folder / "docstrings.csv"
    docstring_sentences(path, per_class=2 * per_class)
    return path


def recipe_at(seed: int, image_size: str) -> Recipe:
    """The default recipe with a seed and an image size in pixels (or `auto`)."""
    inputs = Inputs(image_size=int(image_size)) if image_size.isdigit() else Inputs()
    return Recipe(seed=seed, inputs=inputs)


def lay_out(data: Data, folder: Path, *, recipe: Recipe) -> tuple[Workbench, Backbone]:
    """Split, load the backbone and settle the recipe.

    Args:
        data: What to learn from.
        folder: For cached features.
        recipe: Its seed decides the split; `precision: auto` becomes fp32.
    """
    modality = data.schema.modality
    assert modality != "table", "benchmarks are about images and text"
    backbone = load_backbone(recipe.backbone, modality)
    split = make_split(data, seed=recipe.seed)
    precision = "bf16" if recipe.precision == "bf16" else "fp32"
    recipe = settle_inputs(recipe.replace(precision=precision), data, backbone, split.train)
    recipe = settle(recipe, modality=modality, task=data.schema.task, count=len(split.train))
    train_targets = targets(data, split.train)
    bench = Workbench(
        data=data,
        split=split,
        recipe=recipe,
        objective=Objective.of(data.schema.task, train_targets),
        train_targets=train_targets,
        validation_targets=targets(data, split.validation),
        world=World(precision),
        cache=FeatureCache(folder / "features"),
        watcher=Silent(),
    )
    return bench, backbone


def keep_scores(
    path: Path, data: Data, rows: npt.NDArray[np.int64], scores: npt.NDArray[np.float32]
) -> dict[str, Any]:
    """Write scores of test rows with their targets; returns the metrics, Pearson for regression included."""
    truth = targets(data, rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, rows=rows, scores=scores, targets=truth)
    return metrics(data.schema.task, scores, truth)


if __name__ == "__main__":
    # In a process of its own: parsing whole libraries for their docstrings takes a gigabyte.
    print(write_packaged(sys.argv[1], Path(sys.argv[2]), per_class=int(sys.argv[3])))
