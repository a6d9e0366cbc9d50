"""The stages of the default recipe: probe, tune, refit. Each makes one candidate."""

from __future__ import annotations

import time
from dataclasses import asdict, replace

import numpy as np
import torch
from torch import nn

from upfit.measure import metrics
from upfit.models import Backbone, Head, Network
from upfit.models.network import set_backbone_dropout
from upfit.techniques.losses import deciding_metric
from upfit.train.adapting import without_adapters
from upfit.train.features import cached_features, fresh_features
from upfit.train.feed import feed_of
from upfit.train.firmness import Firmness
from upfit.train.fit_head import fit_head
from upfit.train.fitted import Fitted, Name
from upfit.train.infer import Once, outputs, require_numbers
from upfit.train.job import Source
from upfit.train.logistic import Features
from upfit.train.too_short import too_short
from upfit.train.tune import Measure, Places, Plan, tune
from upfit.train.workbench import Workbench

START = Firmness(0.001)
"""How firmly the probe is held that a head starts from."""


def probe_stage(bench: Workbench, backbone: Backbone) -> Fitted:
    """A regularised linear model on the frozen backbone's features."""
    started = time.monotonic()
    train_ND, hit = cached_features(bench, backbone, bench.split.train)
    validation_MD, _ = cached_features(bench, backbone, bench.split.validation)
    # Reading the cache says nothing about the speed of the backbone.
    forward = 0.0 if hit else (time.monotonic() - started) / (len(train_ND) + len(validation_MD))
    fitted = _fit_head(bench, "probe", (train_ND, validation_MD), started)
    return replace(fitted, facts={**fitted.facts, "forward_seconds": forward})


def refit_stage(bench: Workbench, network: Network) -> Fitted:
    """The same linear model on the tuned backbone's features."""
    started = time.monotonic()
    train_ND = fresh_features(bench, network.backbone, bench.split.train)
    validation_MD = fresh_features(bench, network.backbone, bench.split.validation)
    return _fit_head(bench, "refitted", (train_ND, validation_MD), started)


def fresh_network(bench: Workbench, backbone: Backbone) -> Network:
    """The backbone with a head that starts where the recipe says.

    From a probe means from a much more regularised one than the candidate: a head that already fits the
    training rows leaves no gradient, and the backbone would never move (hwu64 5-shot: .757 against .809).
    """
    recipe = bench.recipe
    torch.manual_seed(recipe.seed)
    head = Head(backbone.width, bench.data.schema.outputs, dropout=recipe.head.dropout)
    network = Network(backbone, head)
    assert recipe.layers.dropout != "auto", "the recipe has to be settled first"
    set_backbone_dropout(network, recipe.layers.dropout)
    if recipe.head.init == "probe":
        features_ND, _ = cached_features(bench, backbone, bench.split.train)
        start = fit_head(bench, np.asarray(features_ND), firmness=START)
        head.start_from(torch.from_numpy(start.weight), torch.from_numpy(start.bias))
    return network


def tune_stage(bench: Workbench, network: Network, *, plan: Plan, places: Places, metric: str) -> Fitted:
    """Train the network by the recipe."""
    loss = bench.objective.loss(bench.recipe.loss)
    feed = feed_of(bench, network)
    for line in too_short(bench.recipe, plan, per_epoch=len(feed.source), groups=len(feed.groups) - 1):
        bench.watcher.note(line)
    tuned = tune(
        bench.recipe,
        feed.model,
        feed.groups,
        source=feed.source,
        loss=loss,
        measure=validation_measure(bench, feed.validation),
        judged=len(bench.validation_targets),
        metric=metric,
        plan=plan,
        world=bench.world,
        watcher=bench.watcher,
        places=places,
        moved=feed.moved,
    )
    without_adapters(network)
    logits = outputs(feed.model, feed.validation, bench.world)
    scores = bench.objective.scores(torch.from_numpy(logits))
    tensors = {name: value.cpu() for name, value in network.state_dict().items()}
    return Fitted("tuned", scores, tensors, tuned.seconds, {})


def training_parts(bench: Workbench, network: Network) -> tuple[nn.Module, Source]:
    """What the loop trains and on what."""
    feed = feed_of(bench, network)
    return feed.model, feed.source


def validation_measure(bench: Workbench, loader: Once) -> Measure:
    """A function that gives a network's mean validation loss and metrics."""
    loss = bench.objective.judging_loss(bench.recipe.loss)
    encoded = torch.as_tensor(bench.objective.encode(bench.validation_targets))
    task = bench.data.schema.task
    decides = deciding_metric(bench.recipe.loss, task) or ""

    def measure(network: nn.Module) -> tuple[float, dict[str, float]]:
        logits = torch.from_numpy(outputs(network, loader, bench.world))
        require_numbers(logits)
        scores = bench.objective.scores(logits)
        found = metrics(task, scores, bench.validation_targets, also=decides)
        return float(loss(logits, encoded).mean()), found

    return measure


def _fit_head(bench: Workbench, name: Name, features: tuple[Features, Features], started: float) -> Fitted:
    """Fit a linear head on the training rows' features, and score validation with it."""
    train_ND, validation_MD = features
    began = time.monotonic()
    probe = fit_head(bench, np.asarray(train_ND))
    scores = bench.objective.scores(probe.logits(np.asarray(validation_MD)))
    tensors = {"weight": torch.from_numpy(probe.weight), "bias": torch.from_numpy(probe.bias)}
    facts = {**asdict(probe.firmness), "head_seconds": time.monotonic() - began}
    return Fitted(name, scores, tensors, time.monotonic() - started, facts)
