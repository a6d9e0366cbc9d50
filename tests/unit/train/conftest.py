"""A bench for the loop: real sentences or digits, a real backbone, no journey around them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

from upfit.data.examples import FeatureExamples
from upfit.data.loader import Loader
from upfit.data.read import read
from upfit.data.targets import targets
from upfit.models import load_backbone
from upfit.models.groups import find_groups
from upfit.split.make import make_split
from upfit.store import FeatureCache
from upfit.techniques.losses import cross_entropy
from upfit.train.feed import feed_of
from upfit.train.objective import Objective
from upfit.train.settle import settle, settle_inputs, settle_own, settle_techniques
from upfit.train.stages import fresh_network, probe_stage, validation_measure
from upfit.train.tune import Places, Plan, tune
from upfit.train.workbench import Workbench
from upfit.train.world import World
from upfit.values import Recipe, Silent


@pytest.fixture
def lay_out(tmp_path):
    """`lay_out(source, model, changes)`: a settled bench and its backbone."""

    def laid_out(source, model, changes):
        data = read(source)
        split = make_split(data, seed=0)
        modality = data.schema.modality
        backbone = load_backbone(model, modality)
        recipe = settle_inputs(Recipe(precision="fp32").apply(*changes), data, backbone, split.train)
        recipe = settle(recipe, modality=modality, task=data.schema.task, count=len(split.train))
        recipe = settle_techniques(recipe, recipe.stopping.steps)
        train_targets = targets(data, split.train)
        bench = Workbench(
            data=data,
            split=split,
            recipe=recipe,
            objective=Objective.of(data.schema.task, train_targets),
            train_targets=train_targets,
            validation_targets=targets(data, split.validation),
            world=World(),
            cache=FeatureCache(tmp_path / "features"),
            watcher=Silent(),
        )
        return bench, backbone

    return laid_out


class Parts:
    """A network on a bench, ready to be tuned."""

    def __init__(self, bench, backbone):
        self.bench = bench
        self.network = fresh_network(bench, backbone)

    def tune(self, folder, steps, *, every=None, asked_to_stop=lambda: False, evaluate_every=5):
        """Train to `steps`, or on from the checkpoint below `folder`."""
        bench = self.bench
        folder.mkdir(exist_ok=True)
        feed = feed_of(bench, self.network)
        return tune(
            bench.recipe,
            feed.model,
            feed.groups,
            source=feed.source,
            loss=bench.objective.loss(bench.recipe.loss),
            measure=validation_measure(bench, feed.validation),
            metric="accuracy",
            plan=Plan(steps, evaluate_every, steps),
            world=bench.world,
            watcher=bench.watcher,
            places=Places(folder, every, asked_to_stop),
            moved=feed.moved,
        )


@pytest.fixture
def parts(lay_out):
    """`parts(source, model, changes)`: Parts with a freshly loaded backbone."""
    return lambda *arguments: Parts(*lay_out(*arguments))


@pytest.fixture
def probe_of():
    """The function that fits a bench's probe."""
    return probe_stage


def _same(one, other):
    """Whether two state dicts are equal bit for bit."""
    return one.keys() == other.keys() and all(torch.equal(value, other[name]) for name, value in one.items())


class Ask:
    """Somebody who asks to stop after so many steps."""

    def __init__(self, steps):
        self.left = steps

    def __call__(self):
        self.left -= 1
        return self.left <= 0


@pytest.fixture
def same():
    """`same(one, other)`: whether two state dicts are equal bit for bit."""
    return _same


@pytest.fixture
def stop_after():
    """`stop_after(steps)`: somebody who asks to stop after so many steps."""
    return Ask


class SmallNet(nn.Module):
    """Everything that training mode changes: dropout, batch statistics."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.stem = nn.Sequential(nn.Linear(64, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.1))
        self.body = nn.Sequential(nn.Linear(32, 32), nn.ReLU())
        self.head = nn.Linear(32, 10)

    def forward(self, batch):
        return self.head(self.body(self.stem(batch["features"])))


def _digits():
    digits = load_digits()
    return (digits.data / 16).astype(np.float32), digits.target


def _train_small(
    folder,
    *changes,
    steps=60,
    network=None,
    spoilt=lambda inputs: None,
    asked_to_stop=lambda: False,
    every=None,
):
    """A run of the loop on digits; the network and what was tuned."""
    inputs, labels = _digits()
    spoilt(inputs)
    folder.mkdir(exist_ok=True)
    network = network or SmallNet()
    recipe = settle_own(Recipe(precision="fp32", optimizer={"lr": 0.001}).apply(*changes), count=1200)
    recipe = settle_techniques(recipe, steps)
    recipe = recipe.replace(layers=recipe.layers.replace(batch_norm="updated"))

    def measure(net):
        net.eval()
        with torch.no_grad():
            logits = net({"features": torch.from_numpy(inputs[1200:])})
        found = torch.from_numpy(labels[1200:])
        accuracy = float((logits.argmax(1) == found).float().mean())
        return float(nn.functional.cross_entropy(logits, found)), {"accuracy": accuracy}

    tuned = tune(
        recipe,
        network,
        find_groups(network),
        source=Loader(FeatureExamples(inputs[:1200]), labels[:1200], size=32),
        loss=cross_entropy,
        measure=measure,
        metric="accuracy",
        plan=Plan(steps, 10, steps),
        world=World(),
        watcher=Silent(),
        places=Places(folder, every, asked_to_stop),
    )
    return network, tuned


@pytest.fixture
def train_small():
    """A function that trains a small network on digits: the network and what was tuned."""
    return _train_small


@pytest.fixture
def small_net():
    """The class of that network."""
    return SmallNet
