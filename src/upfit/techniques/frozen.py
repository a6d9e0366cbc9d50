"""Layers that do not learn stand still: a frozen prefix runs in evaluation mode, frozen BatchNorm too."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from upfit.models.groups import LayerGroup


def frozen_prefix(network: nn.Module, groups: Sequence[LayerGroup]) -> int:
    """How many layer groups, counted from the input, hold no parameter that learns now."""
    learning = {name for name, parameter in network.named_parameters() if parameter.requires_grad}
    for place, group in enumerate(groups):
        if learning.intersection(group.parameters):
            return place
    return len(groups)


def hold_frozen(network: nn.Module, groups: Sequence[LayerGroup]) -> None:
    """Evaluation mode for the frozen prefix, and for every BatchNorm layer that does not learn.

    Dropout and batch statistics of a prefix that does not learn would be mere noise, and would forbid to
    compute its activations once. What lies behind the first layer that learns keeps its dropout, frozen or
    not. Call after `network.train()`, which undoes it.

    Args:
        network: The bare network.
        groups: Its layer groups, input first.
    """
    for module in network.modules():
        if _is_frozen_norm(module):
            module.eval()
    still = {name for group in groups[: frozen_prefix(network, groups)] for name in group.parameters}
    if not still:
        return
    ahead = True
    for path, module in network.named_modules():
        below = {f"{path}.{name}" if path else name for name, _ in module.named_parameters()}
        leaf = next(module.children(), None) is None
        ahead = ahead and not (leaf and below - still)
        # A layer without parameters belongs to the prefix if it is defined before all that learns.
        in_prefix = below <= still if below else ahead and leaf
        if in_prefix:
            module.eval()


def _is_frozen_norm(module: nn.Module) -> bool:
    own = list(module.parameters())
    norm = isinstance(module, nn.modules.batchnorm._BatchNorm)
    return norm and bool(own) and not any(parameter.requires_grad for parameter in own)
