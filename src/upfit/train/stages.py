"""The stages of the default recipe: probe, tune, refit. Each makes one candidate."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from upfit.data.loader import Loader
from upfit.measure import metrics
from upfit.models import Backbone, Head, Network
from upfit.models.network import set_backbone_dropout
from upfit.train.adapting import with_adapters, without_adapters
from upfit.train.features import cached_features, fresh_features
from upfit.train.fit_head import fit_head
from upfit.train.fitted import Fitted, Name
from upfit.train.infer import outputs
from upfit.train.probe import Features
from upfit.train.tune import Measure, Places, Plan, tune
from upfit.train.workbench import Workbench

START_STRENGTH = 0.001
"""C of the logistic regression that a head starts from."""


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
        start = fit_head(bench, np.asarray(features_ND), strength=START_STRENGTH)
        head.start_from(torch.from_numpy(start.weight), torch.from_numpy(start.bias))
    return network


def tune_stage(bench: Workbench, network: Network, *, plan: Plan, places: Places, metric: str) -> Fitted:
    """Train the network by the recipe."""
    loss = bench.objective.loss(bench.recipe.loss)
    validation = bench.evaluation_loader(bench.examples(network.backbone, bench.split.validation))
    model, source = training_parts(bench, network)
    if model is not network:
        features_MD, _ = cached_features(bench, network.backbone, bench.split.validation)
        validation = bench.evaluation_loader(bench.feature_loader(features_MD).examples)
    tuned = tune(
        bench.recipe,
        model,
        network.groups if model is network else network.groups[-1:],
        source=source,
        loss=loss,
        measure=validation_measure(bench, validation),
        metric=metric,
        plan=plan,
        world=bench.world,
        watcher=bench.watcher,
        places=places,
    )
    without_adapters(network)
    logits = outputs(model, validation, bench.world)
    scores = bench.objective.scores(torch.from_numpy(logits))
    tensors = {name: value.cpu() for name, value in network.state_dict().items()}
    return Fitted("tuned", scores, tensors, tuned.seconds, {})


def training_parts(bench: Workbench, network: Network) -> tuple[nn.Module, Loader]:
    """What the loop trains and on what: for the head alone, that is a head on cached features."""
    rows = bench.split.train
    with_adapters(network, bench.recipe)
    if bench.recipe.layers.train == "head":
        features_ND, _ = cached_features(bench, network.backbone, rows)
        return HeadOnly(network.head), bench.feature_loader(features_ND)
    examples = bench.examples(network.backbone, rows, varied=True)
    return network, bench.training_loader(examples)


class HeadOnly(nn.Module):
    """A head as a network of its own; batches hold `features` (B, D)."""

    def __init__(self, head: Head) -> None:
        super().__init__()
        self.head = head

    def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Logits (B, K)."""
        logits: torch.Tensor = self.head(batch["features"])
        return logits


def validation_measure(bench: Workbench, loader: Loader) -> Measure:
    """A function that gives a network's mean validation loss and metrics."""
    loss = bench.objective.judging_loss(bench.recipe.loss)
    encoded = torch.as_tensor(bench.objective.encode(bench.validation_targets))

    def measure(network: nn.Module) -> tuple[float, dict[str, float]]:
        logits = torch.from_numpy(outputs(network, loader, bench.world))
        scores = bench.objective.scores(logits)
        found = metrics(bench.data.schema.task, scores, bench.validation_targets)
        return float(loss(logits, encoded).mean()), found

    return measure


def _fit_head(bench: Workbench, name: Name, features: tuple[Features, Features], started: float) -> Fitted:
    """Fit a linear head on the training rows' features, and score validation with it."""
    train_ND, validation_MD = features
    began = time.monotonic()
    probe = fit_head(bench, np.asarray(train_ND))
    scores = bench.objective.scores(probe.logits(np.asarray(validation_MD)))
    tensors = {"weight": torch.from_numpy(probe.weight), "bias": torch.from_numpy(probe.bias)}
    facts = {"strength": probe.strength, "head_seconds": time.monotonic() - began}
    return Fitted(name, scores, tensors, time.monotonic() - started, facts)
