"""A backbone cut in two between layer groups: what comes before the boundary, and what comes after.

Nothing is known about the architecture. The prefix is the backbone's own forward pass, ended when the last
layer of the prefix has answered. The suffix is a twin of the backbone that shares every layer behind the
boundary, while each layer before it repeats the activations that were kept. Whether that is the same function
is not assumed but measured (`cut_backbone`), and so is that no layer behind the boundary reaches into what
was kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import torch
from torch import nn

from upfit.data.boundary import BOUNDARY
from upfit.measure.inside.hooked import hooked
from upfit.models.backbone import Backbone, Batch

TOLERANCE = 1e-4
"""Greatest difference between the cut backbone and the whole one, relative to its largest feature (fp32)."""


LISTS = (nn.ModuleList, nn.ModuleDict)
"""Modules that are looked into and never called."""


class _Reached(Exception):
    """Ends a forward pass at the boundary."""


class Echo(nn.Module):
    """Stands where a layer of the prefix stood, and answers with the activations that were kept."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.kept: Any = None
        # In a tuple, so that the layer does not become a part of this one.
        self._layer = (layer,)

    def __getattr__(self, name: str) -> Any:
        """What a network asks its layers about themselves, such as the kind of their attention."""
        if name.startswith("_"):
            return super().__getattr__(name)
        return getattr(self._layer[0], name)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What was kept, whatever it is asked."""
        return self.kept


class Cut:
    """A backbone in two parts.

    Args:
        backbone: Whole; stays as it is, and shares its layers.
        at: Layer groups in the prefix, from 1 to all of them. Then the boundary lies behind the pooling.
    """

    def __init__(self, backbone: Backbone, at: int) -> None:
        self.backbone = backbone
        self.at = at
        self.whole = at == len(backbone.groups)
        self._echoes: list[Echo] = []
        self._twins: list[tuple[nn.Module, nn.Module]] = []
        self._last = nn.Module()
        if not self.whole:
            names = {f"net.{name}" for group in backbone.groups[:at] for name in group.parameters}
            self._outer = _outermost(backbone, names)
            self._twin = self._twin_of(backbone, "", names)

    def state(self) -> dict[str, torch.Tensor]:
        """Weights and buffers that the activations depend on, by name."""
        tensors = self.backbone.state_dict()
        if self.whole:
            return tensors
        kept = {id(one) for module in self._outer for one in (*module.parameters(), *module.buffers())}
        held = dict([*self.backbone.named_parameters(), *self.backbone.named_buffers()])
        groups = self.backbone.groups[: self.at]
        names = {f"net.{name}" for group in groups for name in group.parameters}
        return {name: value for name, value in tensors.items() if name in names or id(held[name]) in kept}

    def prefix(self, batch: Batch) -> torch.Tensor:
        """Activations at the boundary (B, …) of a prepared batch."""
        if self.whole:
            features: torch.Tensor = self.backbone(batch)
            return features
        if not list(self._last.parameters()):
            self._last = _last_to_answer(self.backbone, self._outer, batch)
        with _ending_at(self._last) as caught, suppress(_Reached):
            self.backbone(batch)
        return _single(caught[0])

    def suffix(self, batch: Batch) -> torch.Tensor:
        """Pooled features (B, D) of a batch with activations under `BOUNDARY`."""
        boundary = batch[BOUNDARY]
        if self.whole:
            return boundary
        for whole, twin in self._twins:
            twin.training = whole.training
        for echo in self._echoes:
            echo.kept = boundary
        try:
            features: torch.Tensor = self._twin(_with_stand_in(self.backbone, batch, boundary))
        finally:
            for echo in self._echoes:
                echo.kept = None
        return features

    def _twin_of(self, module: nn.Module, path: str, names: set[str]) -> Any:
        """A shallow copy of a module that holds layers of both parts; the layers themselves are shared."""
        twin = module.__new__(type(module))
        twin.__dict__ = module.__dict__.copy()
        twin._modules = dict(module._modules)
        self._twins.append((module, twin))
        inside = {name: _names(child, f"{path}{name}") for name, child in module.named_children()}
        before = [name for name in inside if inside[name] & names]
        last = [*inside].index(before[-1])
        for place, (name, child) in enumerate(module.named_children()):
            if inside[name] & names and (inside[name] - names or isinstance(child, LISTS)):
                twin._modules[name] = self._twin_of(child, f"{path}{name}.", names)
            elif inside[name] <= names and place <= last and not isinstance(child, LISTS):
                twin._modules[name] = self._echo(child)
        if "_pos_embed" in dir(type(module)) and before != ["patch_embed"]:
            # Vision transformers of timm add positions in a method, between two layers of the prefix.
            twin.__dict__["_pos_embed"] = _same
        return twin

    def _echo(self, layer: nn.Module) -> Echo:
        echo = Echo(layer)
        self._echoes.append(echo)
        return echo


def cut_backbone(backbone: Backbone, at: int, batch: Batch) -> tuple[Cut | None, str]:
    """The backbone cut before layer group `at`, if that is the same function; else the reason why not.

    Args:
        backbone: On the device of the batch.
        at: Layer groups before the boundary, at least 1.
        batch: A small prepared batch to compare on.
    """
    try:
        with evaluating(backbone), torch.no_grad():
            cut = Cut(backbone, at)
            whole, parted = backbone(batch), cut.suffix({**batch, BOUNDARY: cut.prefix(batch)})
            if whole.shape != parted.shape:
                return None, "its two parts give features of another shape"
            difference = float((whole - parted).abs().max() / whole.abs().max().clamp(min=1e-6))
            if not difference <= TOLERANCE:
                return None, f"its two parts differ from the whole by {difference:.1e}"
            late = _reaches_behind(cut, batch)
        return (None, f"{late}, behind the boundary, has a part in what comes before") if late else (cut, "")
    except Exception as error:
        # Whatever a stranger's forward pass trips over: it runs whole then.
        return None, f"it cannot be parted there ({type(error).__name__}: {error})"


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Evaluation mode for the length of a block; afterwards every layer is in the mode it was in."""
    modes = [(layer, layer.training) for layer in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for layer, mode in modes:
            layer.training = mode


def _reaches_behind(cut: Cut, batch: Batch) -> str:
    """The first parameter behind the boundary that the prefix depends on; its activations would go stale."""
    before = {f"net.{name}" for group in cut.backbone.groups[: cut.at] for name in group.parameters}
    others = {name: p for name, p in cut.backbone.named_parameters() if name not in before}
    if not others:
        return ""
    asked = {name: p.requires_grad for name, p in cut.backbone.named_parameters()}
    try:
        cut.backbone.requires_grad_(True)
        with torch.enable_grad():
            total = cut.prefix(batch).float().sum()
        found = torch.autograd.grad(total, list(others.values()), allow_unused=True)
    finally:
        for name, parameter in cut.backbone.named_parameters():
            parameter.requires_grad_(asked[name])
    return next((name for name, grad in zip(others, found, strict=True) if grad is not None), "")


def _outermost(backbone: nn.Module, names: set[str]) -> list[nn.Module]:
    """The largest modules that hold parameters of the prefix and none besides."""
    found: list[nn.Module] = []
    paths: list[str] = []
    for path, module in backbone.named_modules():
        below = _names(module, path)
        inside = any(path.startswith(f"{outer}.") for outer in paths)
        if below and below <= names and not inside and not isinstance(module, LISTS):
            found.append(module)
            paths.append(path)
    return found


def _last_to_answer(backbone: Backbone, modules: list[nn.Module], batch: Batch) -> nn.Module:
    """Of these modules the one that answers last in a forward pass."""
    answered: list[nn.Module] = []
    with torch.no_grad(), hooked(modules, after=lambda module, *_: answered.append(module)):
        backbone(batch)
    return answered[-1]


@contextmanager
def _ending_at(module: nn.Module) -> Iterator[list[Any]]:
    """Forward passes end when the module has answered; its answer is in the list."""
    caught: list[Any] = []

    def catch(_: nn.Module, __: Any, answer: Any) -> None:
        caught.append(answer)
        raise _Reached

    with hooked([module], after=catch):
        yield caught


def _single(answer: Any) -> torch.Tensor:
    if not isinstance(answer, torch.Tensor):
        raise TypeError(f"the boundary is a {type(answer).__name__}, not one tensor")
    return answer


def _with_stand_in(backbone: Backbone, batch: Batch, boundary: torch.Tensor) -> Batch:
    """The batch as the twin reads it: nobody looks at the image, but it is asked for."""
    if backbone.modality != "image":
        return batch
    return {**batch, "image": boundary.new_zeros(len(boundary), 3, 1, 1)}


def _names(module: nn.Module, path: str) -> set[str]:
    """Full names of the parameters of the module at a path."""
    return {f"{path}.{name}" if path else name for name, _ in module.named_parameters()}


def _same(tensor: Any, *_: Any, **__: Any) -> Any:
    return tensor
