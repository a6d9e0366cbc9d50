"""Adapters of the library peft: small matrices that learn beside frozen weights, and merge into them."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from upfit.errors import MissingExtraError, RecipeError
from upfit.techniques.card import Card
from upfit.values.layers import Adapter

if TYPE_CHECKING:
    from peft import PeftConfig

MARKS = (".lora_", ".ia3_")
"""What the names of parameters contain that belong to an adapter."""


def is_adapter(name: str) -> bool:
    """Whether a parameter of this name belongs to an adapter.

    >>> is_adapter("layer.0.query.lora_A.default.weight"), is_adapter("layer.0.query.base_layer.weight")
    (True, False)
    """
    return any(mark in name for mark in MARKS)


def plain_name(name: str) -> str:
    """The parameter that one of an adapted layer stands for.

    >>> plain_name("query.lora_A.default.weight"), plain_name("query.base_layer.bias")
    ('query.weight', 'query.bias')
    """
    if is_adapter(name):
        return re.split(r"\.(?:lora_|ia3_)", name)[0] + ".weight"
    return name.replace(".base_layer.", ".")


def adaptable(module: nn.Module, learning: Iterable[str]) -> list[str]:
    """Names of the layers that an adapter may sit on: linear ones, and convolutions that mix channels.

    Left out are convolutions that the library's own would not follow: dilated ones, padded with other than
    zeros, in groups.

    Args:
        module: The network.
        learning: Names of parameters; only layers whose weight is among them count.
    """
    weights = set(learning)
    return [
        name for name, layer in module.named_modules() if f"{name}.weight" in weights and _is_adaptable(layer)
    ]


def add_adapters(module: nn.Module, adapter: Adapter, learning: Iterable[str], *, seed: int = 0) -> None:
    """Put an adapter on each layer that would learn, in place. Outputs stay as they are.

    Args:
        module: The network, without its head.
        adapter: Kind and settings.
        learning: Names of the parameters that would learn, as `module` spells them.
        seed: Decides the adapters' starting weights.

    Raises:
        MissingExtraError: peft is not installed.
        RecipeError: None of these layers can take an adapter.

    Example:
        >>> net = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
        >>> add_adapters(net, Adapter(name="lora", rank=2), ["2.weight"])
        >>> [name for name, _ in net.named_parameters() if is_adapter(name)]
        ['2.lora_A.default.weight', '2.lora_B.default.weight']

    Source:
        Hu et al. 2022 (LoRA), Liu et al. 2024 (DoRA), Liu et al. 2022 (IA3); the library peft.
    """
    if adapter.name == "none" or has_adapters(module):
        return
    require_peft(adapter)
    from peft import inject_adapter_in_model

    targets = adaptable(module, learning)
    if not targets:
        raise RecipeError(
            f"layers.adapter={adapter.name}: no layer that learns can take an adapter",
            expected="linear layers, or convolutions without groups and dilation, among those that learn",
            hint="layers.train=all",
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        inject_adapter_in_model(_config(adapter, targets), module)


def require_peft(adapter: Adapter) -> None:
    """Raise `MissingExtraError` unless the library is there."""
    if importlib.util.find_spec("peft") is None:
        raise MissingExtraError("peft", extra="peft", purpose=f"layers.adapter={adapter.name}")


@torch.no_grad()
def merge_adapters(module: nn.Module, *, keep: bool = True) -> None:
    """Add what the adapters learned to the weights beside them, and take the adapters out, in place.

    Without `keep` they are taken out and what they learned is lost; the weights stay bit for bit.

    Example:
        >>> net = nn.Sequential(nn.Linear(4, 4))
        >>> add_adapters(net, Adapter(name="ia3"), ["0.weight"])
        >>> merge_adapters(net)
        >>> net
        Sequential(
          (0): Linear(in_features=4, out_features=4, bias=True)
        )
    """
    if not has_adapters(module):
        return
    from peft.tuners.tuners_utils import BaseTunerLayer

    adapted = [(name, one) for name, one in module.named_modules() if isinstance(one, BaseTunerLayer)]
    for name, layer in adapted:
        if keep:
            layer.merge(safe_merge=True)
        parent, _, child = name.rpartition(".")
        setattr(module.get_submodule(parent), child, layer.get_base_layer())
    # peft leaves its settings behind, and would warn of them the next time.
    del module.peft_config


def has_adapters(module: nn.Module) -> bool:
    """Whether adapters sit in a network."""
    return any(is_adapter(name) for name, _ in module.named_parameters())


def _is_adaptable(layer: nn.Module) -> bool:
    if isinstance(layer, nn.Conv2d):
        # Strided convolutions of timm pad by themselves, which an adapter's own convolution would not; nor
        # does it know dilation and padding modes, which a kernel of one pixel without padding does not need.
        plain = type(layer) is nn.Conv2d and layer.dilation == (1, 1) and layer.padding_mode == "zeros"
        return layer.groups == 1 and (plain or (layer.kernel_size == (1, 1) and not any(_padding(layer))))
    return isinstance(layer, nn.Linear)


def _padding(layer: nn.Conv2d) -> tuple[int, ...]:
    """Pixels of padding; none where it is described by a word, which for a kernel of one pixel means none."""
    return () if isinstance(layer.padding, str) else tuple(layer.padding)


def _config(adapter: Adapter, targets: list[str]) -> PeftConfig:
    from peft import IA3Config, LoraConfig

    if adapter.name == "ia3":
        return IA3Config(target_modules=targets, feedforward_modules=[])
    settings: dict[str, Any] = {"r": adapter.rank, "lora_alpha": adapter.alpha}
    return LoraConfig(
        target_modules=targets,
        lora_dropout=adapter.dropout,
        use_dora=adapter.name == "dora",
        **settings,
    )


CARD = Card(
    name="adapters",
    switch="layers.adapter=lora",
    row="T4",
    what=(
        "Freezes the backbone's weights and learns a low-rank update of each linear layer and convolution "
        "(lora, dora), or one factor a unit (ia3); merged into the weights at the end, so that the model "
        "that is kept looks like any other. `layers.train` says which layers get one."
    ),
    when="Large backbones, little memory: optimizer and gradients shrink to a few per cent of the weights.",
    when_not="Small backbones: full fine-tuning is about as fast a step, and at least as accurate.",
    combine=(
        "With frozen prefixes and their cache (layers.train=n). `lr: auto` is ten times that of full "
        "fine-tuning. "
        "BatchNorm layers stay frozen."
    ),
    source="Hu et al. 2022; Liu et al. 2024 (DoRA); Liu et al. 2022 (IA3); the library peft",
)
