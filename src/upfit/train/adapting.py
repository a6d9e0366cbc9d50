"""Adapters in the backbone of a network while it trains, and out of it for everything that follows."""

from __future__ import annotations

from upfit.models import Network, find_groups
from upfit.models.network import BELOW
from upfit.techniques.adapters import add_adapters, has_adapters, merge_adapters
from upfit.train.learning import learning_names
from upfit.values import Recipe


def with_adapters(network: Network, recipe: Recipe) -> None:
    """Put the recipe's adapters on the layers that would learn, in place; once is enough."""
    layers = recipe.layers
    if layers.adapter.name == "none" or layers.train == "head":
        return
    wanted = learning_names(network.groups, layers.train)
    learning = [name.removeprefix(BELOW) for name in wanted if name.startswith(BELOW)]
    backbone = network.backbone
    add_adapters(backbone.net, layers.adapter, learning, seed=recipe.seed)
    backbone.groups = find_groups(backbone.net)


def without_adapters(network: Network) -> None:
    """Merge the adapters into the weights, in place, so that nothing that follows knows of them."""
    backbone = network.backbone
    if has_adapters(backbone):
        merge_adapters(backbone.net)
        backbone.groups = find_groups(backbone.net)
