"""Layer groups: the parameters of a network in order from input to output.

Freezing, layer-wise rates and the activation cache speak of groups only, so that they mean the same
for every library's models and for the user's own.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class LayerGroup:
    """A name and the full names of its parameters, as `named_parameters` spells them."""

    name: str
    parameters: tuple[str, ...]


def find_groups(module: nn.Module) -> tuple[LayerGroup, ...]:
    """The layer groups of any module, input first.

    timm models say themselves how they are ordered; in a stack of equal layers (`nn.ModuleList`, as
    transformers have) each layer is a group; otherwise each child with parameters is one.

    Example:
        >>> [group.name for group in find_groups(nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)))]
        ['0', '2']
    """
    if hasattr(module, "group_matcher"):
        return _timm_groups(module)
    names = [name for name, _ in module.named_parameters()]
    prefixes = _prefixes(module)
    groups = [
        LayerGroup(prefix, tuple(n for n in names if n == prefix or n.startswith(prefix + ".")))
        for prefix in prefixes
    ]
    return tuple(group for group in groups if group.parameters)


def _timm_groups(module: nn.Module) -> tuple[LayerGroup, ...]:
    """timm's own order; its groups are numbered, and named here after their first parameter."""
    # Loaded for timm's networks alone: with it comes torchvision, which takes as long to load as torch.
    from timm.models import group_parameters

    matcher = module.group_matcher(coarse=False)  # type: ignore[operator]
    ordered = group_parameters(module, matcher)
    return tuple(LayerGroup(names[0].rsplit(".", 2)[0], tuple(names)) for _, names in sorted(ordered.items()))


def _prefixes(module: nn.Module, at: str = "") -> list[str]:
    """Names of the submodules (or bare parameters) that form one group each, in order of definition."""
    found = [at + name for name, _ in module.named_parameters(recurse=False)]
    for name, child in module.named_children():
        if next(child.parameters(), None) is None:
            continue
        if _is_stack(child):
            found += _prefixes(child, f"{at}{name}.")
        else:
            found.append(at + name)
    return found


def _is_stack(module: nn.Module) -> bool:
    """A container is looked into: a list of layers, or a module that holds such a list."""
    if isinstance(module, nn.Sequential | nn.ModuleList):
        return True
    return any(isinstance(child, nn.ModuleList) for child in module.children())
