"""Adapters in the backbone of a network while it trains, and out of it for everything that follows."""

from __future__ import annotations

from upfit.errors import RecipeError
from upfit.models import Backbone, Head, LayerGroup, Network, find_groups
from upfit.models.network import BELOW
from upfit.techniques.adapters import add_adapters, has_adapters, merge_adapters, require_peft
from upfit.techniques.layer_rates import require_fitting
from upfit.train.learning import learning_names
from upfit.values import Gradual, Recipe


def check_layers(recipe: Recipe, backbone: Backbone) -> None:
    """Raise `InputError` for layers that the backbone does not have, and for what cannot act on the others.

    Raises:
        MissingExtraError: Adapters are asked for, and their library is not there.
        RecipeError: A name or a pattern that nothing goes by, or noise on embeddings that stand still.
    """
    layers = recipe.layers
    if layers.adapter.name != "none":
        require_peft(layers.adapter)
    elif recipe.optimizer.rates:
        # Those of adapters have names of their own, which are known once they are there.
        below = (f"{BELOW}{name}" for name, _ in backbone.net.named_parameters())
        above = (f"head.{name}" for name, _ in Head(backbone.width, 1).named_parameters())
        require_fitting(recipe.optimizer.rates, (*below, *above))
    if layers.train == "auto" or isinstance(layers.train, Gradual):
        return
    learning = learning_names((*backbone.groups, LayerGroup("head", ())), layers.train)
    # Adapters sit on layers behind the embeddings.
    adapted = layers.adapter.name != "none"
    if recipe.technique("neftune") and (adapted or not learning.intersection(backbone.groups[0].parameters)):
        raise RecipeError(
            "neftune adds noise to the embeddings of tokens, and here they are frozen: frozen layers at the "
            "input run in evaluation mode, without noise",
            expected="layers.train=all or gradual, without adapters",
            hint="techniques.neftune=off",
        )


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


def without_adapters(network: Network, *, keep: bool = True) -> None:
    """Take the adapters out, in place, what they learned merged into the weights or forgotten."""
    backbone = network.backbone
    if has_adapters(backbone):
        merge_adapters(backbone.net, keep=keep)
        backbone.groups = find_groups(backbone.net)
