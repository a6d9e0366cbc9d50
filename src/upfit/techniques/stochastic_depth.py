"""Stochastic depth: residual branches, or whole layers, are left out at random while training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from pydantic import Field
from torch import nn

from upfit.errors import RecipeError
from upfit.techniques.card import Card
from upfit.values import Value

Undo = Callable[[], None]


def drop_paths(network: nn.Module, rate: float) -> list[Undo]:
    """Switch on the drop paths that timm and torchvision networks are built with.

    Rates rise in a line from the first block to `rate` in the last (Huang et al. 2016).

    Args:
        network: Changed in place.
        rate: Probability that an example goes past the last block.

    Returns:
        What undoes the changes; empty for a network without drop paths.
    """
    blocks = [block for block in network.modules() if _places(block)]
    undo = []
    for number, block in enumerate(blocks, 1):
        for name in _places(block):
            undo.append(_put(block, name, rate * number / len(blocks)))
    return undo


def drop_layers(network: nn.Module, rate: float) -> list[Undo]:
    """Let examples go past layers of the first stack of equal layers (`nn.ModuleList`), as in transformers.

    An example that goes past keeps what the layer was given. Rates rise as in `drop_paths`.
    """
    layers = stack_of_layers(network)
    rates = [rate * number / len(layers) for number in range(1, len(layers) + 1)]
    return [
        layer.register_forward_hook(_bypass(own), with_kwargs=True).remove
        for layer, own in zip(layers, rates, strict=True)
    ]


def stack_of_layers(network: nn.Module) -> list[nn.Module]:
    """The outermost list of at least two layers of one kind; empty where there is none."""
    for module in network.modules():
        if (
            isinstance(module, nn.ModuleList)
            and len(module) > 1
            and len({type(part) for part in module}) == 1
        ):
            return list(module)
    return []


def _places(block: nn.Module) -> list[str]:
    """Names of a block's drop paths; those that are switched off hold an Identity, or None."""
    held = {**vars(block), **block._modules}
    idle = [name for name, child in held.items() if child is None or isinstance(child, nn.Identity)]
    active = [name for name, child in held.items() if isinstance(child, _drop_paths())]
    return [*(name for name in idle if name.startswith("drop_path")), *active]


def _drop_paths() -> tuple[type[nn.Module], ...]:
    """What timm and torchvision call them; loaded for this technique alone, since it takes seconds."""
    from timm.layers.drop import DropPath
    from torchvision.ops import StochasticDepth

    return DropPath, StochasticDepth


def _put(block: nn.Module, name: str, rate: float) -> Undo:
    before = getattr(block, name)
    setattr(block, name, _drop_paths()[0](rate).train(block.training))

    def undo() -> None:
        # Removed first: assigning None alone would leave an empty submodule where there was an attribute.
        delattr(block, name)
        setattr(block, name, before)

    return undo


def _bypass(rate: float) -> Callable[..., Any]:
    """A forward hook that gives each example what its layer was given, with probability `rate`."""

    def hook(layer: nn.Module, given: tuple[Any, ...], named: Mapping[str, Any], output: Any) -> Any:
        if not layer.training:
            return output
        before = given[0] if given else named["hidden_states"]
        after = output[0] if isinstance(output, tuple) else output
        past = torch.rand(len(before), *[1] * (before.ndim - 1), device=before.device) < rate
        mixed = torch.where(past, before, after)
        return (mixed, *output[1:]) if isinstance(output, tuple) else mixed

    return hook


class StochasticDepth(Value):
    """Stochastic depth; `rate` is the last block's, 0 is without."""

    rate: float = Field(default=0.1, ge=0, lt=1)

    def on_model(self, network: nn.Module) -> Undo | None:
        """Drop paths where the network has places for them, else layers of its stack."""
        if not self.rate:
            return None
        undo = drop_paths(network, self.rate) or drop_layers(network, self.rate)
        if not undo:
            raise RecipeError(
                "stochastic_depth found neither drop paths nor a stack of layers in this network",
                hint="techniques.stochastic_depth=off",
            )

        def all_of_them() -> None:
            for one in undo:
                one()

        return all_of_them


CARD = Card(
    name="stochastic_depth",
    switch="techniques.stochastic_depth={rate: 0.1}",
    row="T3",
    what="While training, examples go past residual branches (timm, torchvision) or whole layers "
    "(transformers) at random, the later the more.",
    when="Deep networks that overfit; vision transformers and ConvNeXt are pretrained with it.",
    when_not="Shallow networks, and networks without residual connections, which it refuses.",
    combine="With everything but head-only training. Gives r_drop something to compare.",
    source="Huang et al. 2016; whole layers: Fan, Grave and Joulin 2020",
    absent="techniques.stochastic_depth={rate: 0}",
)
