"""Feed: what the loop trains and on what, so that layers that do not learn need not run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from upfit.data.examples import FeatureExamples
from upfit.data.loader import Loader
from upfit.models import Head, LayerGroup, Network
from upfit.techniques.frozen import frozen_prefix
from upfit.train.adapting import with_adapters
from upfit.train.boundary import Boundary, Moving
from upfit.train.features import cached_features
from upfit.train.learning import freeze
from upfit.train.workbench import Workbench
from upfit.values import Gradual


@dataclass(frozen=True, eq=False)
class Feed:
    """A model with batches to train and to judge it on.

    Args:
        model: What is trained.
        groups: Its layer groups.
        source: Training batches.
        validation: Validation batches.
        moved: Has to be told how many layer groups are frozen ahead, whenever that changes.
    """

    model: nn.Module
    groups: tuple[LayerGroup, ...]
    source: Loader | Moving
    validation: Loader | Moving
    moved: Callable[[int], None] = lambda frozen: None


class HeadOnly(nn.Module):
    """A head as a network of its own; batches hold `features` (B, D)."""

    def __init__(self, head: Head) -> None:
        super().__init__()
        self.head = head

    def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Logits (B, K)."""
        logits: torch.Tensor = self.head(batch["features"])
        return logits


def feed_of(bench: Workbench, network: Network) -> Feed:
    """For the head alone, a head on cached features; else the network, behind frozen layers if that can be.

    Adapters are put in, and what never learns is frozen.
    """
    train, views = bench.recipe.layers.train, bench.recipe.augment.views
    with_adapters(network, bench.recipe)
    if train == "head" and views is None:
        return _head_feed(bench, network)
    freeze(network, network.groups, train)
    boundary = Boundary(bench, network)
    if not isinstance(train, Gradual):
        boundary.move(frozen_prefix(network, network.groups))
    return Feed(network, network.groups, boundary.training.moving, boundary.validation.moving, boundary.move)


def _head_feed(bench: Workbench, network: Network) -> Feed:
    features_ND, _ = cached_features(bench, network.backbone, bench.split.train)
    features_MD, _ = cached_features(bench, network.backbone, bench.split.validation)
    return Feed(
        HeadOnly(network.head),
        network.groups[-1:],
        bench.feature_loader(np.asarray(features_ND)),
        bench.evaluation_loader(FeatureExamples(np.asarray(features_MD))),
    )
