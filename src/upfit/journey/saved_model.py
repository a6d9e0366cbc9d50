"""A finished model: to disk, back, and asked for predictions."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from upfit.data.inputs import read_inputs
from upfit.errors import RunFolderError
from upfit.models import Head, Network
from upfit.models.catalogue import rebuild_backbone
from upfit.store import FeatureCache
from upfit.store.atomic import write_text, write_with
from upfit.store.damage import reading
from upfit.train.infer import outputs
from upfit.train.objective import Objective
from upfit.train.workbench import Workbench
from upfit.train.world import World
from upfit.values import Data, Recipe, Schema, Silent, Split

DESCRIPTION = "upfit.json"
LOG = logging.getLogger("upfit")


@dataclass(frozen=True, eq=False)
class SavedModel:
    """A network with what is needed to use it: the schema of its inputs, its units, its recipe."""

    network: Network
    schema: Schema
    objective: Objective
    recipe: Recipe

    def save(self, folder: Path) -> None:
        """Write weights (safetensors), configuration and tokenizer below `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        description = {
            "version": 1,
            "backbone": self.network.backbone.save(folder),
            "schema": self.schema.model_dump(mode="json"),
            "objective": self.objective.to_json(),
            "recipe": self.recipe.model_dump(mode="json"),
        }
        # transformers ties some weights; safetensors wants each tensor once and whole.
        tensors = {k: v.detach().cpu().clone().contiguous() for k, v in self.network.state_dict().items()}
        write_with(folder / "model.safetensors", lambda aside: save_file(tensors, aside))
        write_text(folder / DESCRIPTION, json.dumps(description, indent=2, ensure_ascii=False))

    @classmethod
    def load(cls, folder: Path) -> SavedModel:
        """The model that `save` wrote, on the CPU."""
        path = folder / DESCRIPTION
        if not path.is_file():
            raise RunFolderError(f"{folder} holds no finished model", hint="upfit resume RUN finishes it")
        with reading(path):
            saved = json.loads(path.read_text(encoding="utf-8"))
            schema, recipe = Schema(**saved["schema"]), Recipe(**saved["recipe"])
            objective = Objective(**saved["objective"])
        with reading(folder):
            backbone = rebuild_backbone(folder, saved["backbone"])
        network = Network(backbone, Head(backbone.width, schema.outputs))
        weights = folder / "model.safetensors"
        try:
            network.load_state_dict(load_file(weights))
        except (OSError, SafetensorError, RuntimeError) as error:
            raise RunFolderError(f"{weights} is missing or damaged: {error}") from error
        return cls(network.eval(), schema, objective, recipe)

    def scores(self, data: Data, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """(N, K) class probabilities, or (N, 1) values, of rows of some data."""
        bench = self._bench(data)
        loader = bench.evaluation_loader(bench.examples(self.network.backbone, rows))
        logits = outputs(self.network.to(bench.world.device), loader, bench.world)
        return self.objective.scores(torch.from_numpy(logits))

    def predict(self, inputs: Any) -> pd.DataFrame:
        """One row per input: its columns, `prediction`, and `probability_CLASS` for each class.

        Where an image cannot be read they are missing (NaN), and the logger `upfit` says so.
        """
        data, readable = read_inputs(inputs, self.schema)
        for finding in data.findings:
            LOG.warning("%s: %s", finding.message, "; ".join(finding.examples[:3]))
        answers = frame_of(self.schema, self.scores(data, readable))
        answers = answers.set_index(readable).reindex(range(len(data)))
        shown = _shown_inputs(data)
        # Nothing stands under one name twice: a Parquet file could not hold it.
        shown = shown.rename(columns={name: f"input_{name}" for name in shown if name in answers})
        return pd.concat([shown, answers], axis=1)

    def _bench(self, data: Data) -> Workbench:
        none = np.zeros(0, np.int64)
        return Workbench(
            data=data,
            split=Split(none, none, none, "prediction"),
            recipe=self.recipe,
            objective=self.objective,
            train_targets=none,
            validation_targets=none,
            world=World(self.recipe.precision),
            cache=FeatureCache(),
            watcher=Silent(),
        )


def frame_of(schema: Schema, scores_NK: npt.NDArray[np.float32]) -> pd.DataFrame:
    """Scores as people read them: `prediction`, then a probability a class."""
    if schema.task == "regression":
        return pd.DataFrame({"prediction": scores_NK[:, 0].astype(float)})
    names = np.array(schema.classes, dtype=object)
    if schema.task == "multilabel":
        prediction: list[Any] = ["|".join(names[row > 0.5]) for row in scores_NK]
    else:
        prediction = list(names[scores_NK.argmax(1)])
    columns = {f"probability_{name}": scores_NK[:, k].astype(float) for k, name in enumerate(names)}
    return pd.DataFrame({"prediction": prediction, **columns})


def _shown_inputs(data: Data) -> pd.DataFrame:
    """The input columns; an image is named by its path."""
    images = set(data.schema.of_kind("image"))
    names = [column.name for column in data.schema.columns]
    frame = data.table.select_columns(names).to_pandas()
    for name in images:
        frame[name] = [cell["path"] if isinstance(cell, dict) else cell for cell in frame[name]]
    return frame.reset_index(drop=True)
