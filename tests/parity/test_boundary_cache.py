"""Training behind a frozen prefix: on kept activations as with the prefix run in every epoch.

Tolerance: losses within 1e-4, weights within 1e-3 of the size of their change (fp32, both packaged
backbones).
"""

from __future__ import annotations

import pytest
import torch

from upfit.data.read import read
from upfit.data.targets import targets
from upfit.models import load_backbone
from upfit.split.make import make_split
from upfit.store import FeatureCache
from upfit.train.feed import feed_of
from upfit.train.objective import Objective
from upfit.train.settle import settle, settle_inputs, settle_techniques
from upfit.train.stages import fresh_network, validation_measure
from upfit.train.tune import Places, Plan, tune
from upfit.train.workbench import Workbench
from upfit.train.world import World
from upfit.values import Change, Recipe, Silent

STEPS = 6


class Listening(Silent):
    """Keeps what it is told."""

    def __init__(self):
        self.notes = []

    def note(self, text):
        self.notes.append(text)


class Trial:
    """A network tuned on a bench, with what came of it."""

    def __init__(self, source, modality, cache_folder, **fields):
        changes = {
            "stopping.steps": STEPS,
            "batching.size": 8,
            "inputs.image_size": 32,
            "inputs.max_length": 16,
        }
        changes |= {
            "layers.dropout": 0.1,
            "head.init": "fresh",
            "augment.policy": "none",
            "techniques.ema": "off",
        }
        changes |= {name.replace("__", "."): value for name, value in fields.items()}
        recipe = Recipe(precision="fp32").apply(*[Change(path=path, to=to) for path, to in changes.items()])
        data = read(source)
        split = make_split(data, seed=0)
        backbone = load_backbone("auto", modality)
        recipe = settle_inputs(recipe, data, backbone, split.train)
        recipe = settle(recipe, modality=modality, task=data.schema.task, count=len(split.train))
        learned = targets(data, split.train)
        self.watcher = Listening()
        self.bench = Workbench(
            data=data,
            split=split,
            recipe=settle_techniques(recipe, STEPS),
            objective=Objective.of(data.schema.task, learned),
            train_targets=learned,
            validation_targets=targets(data, split.validation),
            world=World(),
            cache=FeatureCache(cache_folder),
            watcher=self.watcher,
        )
        self.network = fresh_network(self.bench, backbone)

    def tune(self, folder=None, *, asked_to_stop=lambda: False):
        """Losses of steps and evaluations, and the weights that came of them."""
        self.feed = feed_of(self.bench, self.network)
        return tune(
            self.bench.recipe,
            self.feed.model,
            self.feed.groups,
            source=self.feed.source,
            loss=self.bench.objective.loss(self.bench.recipe.loss),
            measure=validation_measure(self.bench, self.feed.validation),
            metric="accuracy",
            plan=Plan(STEPS, 3, STEPS),
            world=self.bench.world,
            watcher=self.watcher,
            places=Places(folder, 0 if folder else None, asked_to_stop),
            moved=self.feed.moved,
        )


@pytest.fixture
def trial(digits, sentences, tmp_path):
    """`trial("text", layers__train=2)`: a Trial on real data."""
    sources = {"image": digits, "text": sentences("multiclass")}
    return lambda modality, **fields: Trial(sources[modality], modality, tmp_path / "cache", **fields)


def losses(tuned):
    return [one.loss for one in tuned.trace.steps], [one.loss for one in tuned.trace.evaluations]


def assert_alike(one, other, *, atol=1e-4):
    for found, expected in zip(losses(one), losses(other), strict=True):
        assert found == pytest.approx(expected, abs=atol)
    for name, value in other.weights.items():
        torch.testing.assert_close(one.weights[name], value, rtol=1e-3, atol=1e-3, msg=name)


CASES = {
    "the last third of a text backbone": ("text", {"layers__train": 2}),
    "the last third of an image backbone": ("image", {"layers__train": 6}),
    "names": ("text", {"layers__train": ["encoder.layer.4", "*layer.5*.bias"]}),
    "norms of learning layers move": ("image", {"layers__train": 6, "layers__batch_norm": "updated"}),
    "gradual": ("text", {"layers__train": {"every": "2 steps", "groups": 3}}),
    "gradual, images": ("image", {"layers__train": {"every": "2 steps", "groups": 6, "start": 2}}),
    "two views": ("image", {"layers__train": 6, "augment__policy": "light", "augment__flip": False,
                            "augment__views": 2}),
    "two views for the head": ("image", {"layers__train": "head", "augment__policy": "light",
                                         "augment__flip": False, "augment__views": 2}),
    "varied texts": ("text", {"layers__train": 2, "augment__policy": "light", "augment__views": 2}),
    "adapters": ("text", {"layers__train": 2, "layers__adapter": {"lora": {"rank": 4}}}),
    "texts skip layers": ("text", {"layers__train": 3, "techniques__stochastic_depth": {"rate": 0.5}}),
    "images skip blocks": ("image", {"layers__train": 6, "techniques__stochastic_depth": {"rate": 0.5}}),
    "features are mixed behind": ("text", {"layers__train": 2, "techniques__mixup_features": {}}),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_kept_activations_give_the_same_run(trial, case):
    modality, fields = CASES[case]
    cached = trial(modality, layers__cache="fp32", **fields)
    kept = cached.tune()
    assert cached.watcher.notes == []
    assert cached.network.cut is not None or case.startswith("gradual")
    whole = trial(modality, layers__cache="off", **fields)
    run = whole.tune()
    assert whole.network.cut is None
    assert_alike(kept, run)
