"""Runs of one set and one seed: `technique_runs.py SET SEED SWITCH ...` prints a JSON line for each.

`default` stands for the recipe as it is; ` + ` stands between several changes. Everything but the switch is
the same in all of them: rows, split, starting weights, number of steps, order of the examples. Of a set with
`_flipped` behind its name a fifth of the training labels is wrong (`label_noise.flipped`), the same rows in
all runs of a seed; with `_tags` a row has several labels, the words of its class: `alarm_query` is about an
alarm, and a query. `seconds` are those of the clock, `processor` those that the process itself spent on
everything from the rate to the last step.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from common import SETS
from label_noise import flipped
from setting import lay_out, recipe_at

from upfit.commands import flags
from upfit.data.read import read
from upfit.data.targets import targets
from upfit.errors import InputError, RecipeError
from upfit.measure import metrics
from upfit.models import Backbone
from upfit.techniques import check, check_fits
from upfit.train.infer import outputs
from upfit.train.layer_choice import choose_layers
from upfit.train.rate_stage import rate_stage
from upfit.train.settle import settle_techniques
from upfit.train.stages import fresh_network, tune_stage
from upfit.train.tune import Places, Plan
from upfit.train.workbench import Workbench
from upfit.values import Data, Recipe

EVALUATIONS = 2


@dataclass(frozen=True)
class Short:
    """How a set is made small enough for hundreds of runs.

    Args:
        metric: What is measured on the test part.
        epochs: Passes over the rows.
        rows: Training rows at most.
        image_size: Side in pixels, for images.
    """

    metric: str
    epochs: int
    rows: int
    image_size: str = "auto"


SHORT = {
    "hwu64_5shot": Short("accuracy", 8, 320),
    "omniglot136": Short("accuracy", 6, 816, "64"),
    "clothing_small": Short("accuracy", 3, 600, "96"),
    "sms_spam_imbalanced": Short("macro_f1", 3, 800),
    "yoruba_topic_realnoise": Short("accuracy", 4, 600),
    "complex_lcp": Short("spearman", 3, 1000),
    "hwu64_10shot_flipped": Short("accuracy", 4, 640),
    "hwu64_10shot_tags": Short("map", 8, 640),
    "clothing_small_flipped": Short("accuracy", 3, 600, "96"),
}
FLIPPED, TAGS = "_flipped", "_tags"
JUDGED = 300
"""Validation rows at most, and four times as many of the test part."""


def run(data: Data, name: str, recipe: Recipe, folder: Path) -> dict[str, Any]:
    """Tune by a recipe; the test score of the weights kept, and the training seconds."""
    short = SHORT[name]
    bench, backbone = lay_out(data, folder, recipe=recipe)
    split, seed = bench.split, recipe.seed
    kept = np.random.default_rng(seed).permutation(len(split.train))[: short.rows]
    kept.sort()
    split = replace(split, train=split.train[kept], validation=split.validation[:JUDGED])
    known = bench.train_targets[kept]
    bench = replace(
        bench,
        split=split,
        train_targets=flipped(known, data.schema.outputs, seed) if name.endswith(FLIPPED) else known,
        validation_targets=targets(data, split.validation),
    )
    per_epoch = -(-len(split.train) // int(bench.recipe.batching.size))
    total, began = short.epochs * per_epoch, time.process_time()
    evaluations = EVALUATIONS if recipe.stopping.evaluations == "auto" else recipe.stopping.evaluations
    if bench.recipe.optimizer.lr == "range_test":
        rated = rate_stage(bench, backbone, total=total, seconds=None, asked_to_stop=lambda: False)
        bench = bench.with_recipe(rated.recipe)
    bench, trials = with_tried_layers(bench, backbone, short.metric)
    bench = bench.with_recipe(settle_techniques(bench.recipe, total))
    network = fresh_network(bench, backbone)
    tuned = tune_stage(
        bench,
        network,
        plan=Plan(total, -(-total // evaluations), total),
        places=Places(),
        metric=short.metric,
    )
    processor = time.process_time() - began
    rows = split.test[: 4 * JUDGED]
    logits = outputs(network, bench.evaluation_loader(bench.examples(backbone, rows)), bench.world)
    scores = bench.objective.scores(torch.from_numpy(logits))
    value = metrics(data.schema.task, scores, targets(data, rows))[short.metric]
    return {
        "metric": short.metric,
        "value": round(value, 5),
        "seconds": round(tuned.seconds + trials.get("trials", 0.0), 2),
        "processor": round(processor, 2),
        "steps": total,
        **trials,
    }


def with_tried_layers(bench: Workbench, backbone: Backbone, metric: str) -> tuple[Workbench, dict[str, Any]]:
    """The layers that short trials choose, what they chose, and the seconds of all trials together."""
    if bench.recipe.layers.train != "auto":
        return bench, {}
    start = time.monotonic()
    choice = choose_layers(bench, backbone, metric=metric, left=None)
    layers = bench.recipe.layers.replace(train=choice.train)
    tried = {"layers": str(choice.train), "trials": round(time.monotonic() - start, 2)}
    return bench.with_recipe(bench.recipe.replace(layers=layers)), tried


def data_of(name: str) -> Data:
    """A set as its name says it is to be read."""
    reading = SETS[name.removesuffix(FLIPPED).removesuffix(TAGS)].reading()
    if not name.endswith(TAGS):
        return read(**reading)
    frames = {part: pd.read_csv(path) for part, path in reading["parts"].items()}
    tagged = {part: frame.assign(label=frame.label.str.replace("_", ";")) for part, frame in frames.items()}
    return read(parts=tagged, target="label", task="multilabel")


def main() -> int:
    """Make the runs, the cheapest way: data and features are read once."""
    name, seed, *switches = sys.argv[1:]
    data = data_of(name)
    plain, modality = recipe_at(int(seed), SHORT[name].image_size), data.schema.modality
    assert modality != "table", "benchmarks are about images and text"
    with tempfile.TemporaryDirectory() as folder:
        for switch in switches:
            about = {"set": name, "seed": int(seed), "switch": switch}
            try:
                changes = [] if switch == "default" else switch.split(" + ")
                recipe = plain.apply(*map(flags.change, changes))
                check(recipe)
                check_fits(recipe, task=data.schema.task, modality=modality)
                if switch != "default" and recipe == plain:
                    raise RecipeError("the default recipe says so already")
                found = run(data, name, recipe, Path(folder))
            except InputError as refusal:
                found = {"refused": refusal.message}
            except Exception:
                # The others are made all the same; this one is tried again by the next call.
                traceback.print_exc()
                continue
            print(json.dumps({**about, **found}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
