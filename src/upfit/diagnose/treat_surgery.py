"""Cures inside a network of one's own: other activations, normalisation, an output that suits the loss.

What stands where is read from a forward pass, not from names, so that any way of writing a module will do as
long as its activations are modules.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from upfit.diagnose.preflight.calls import Calls, Example
from upfit.diagnose.preflight.untouched import untouched
from upfit.diagnose.treat_course import LINEAR
from upfit.measure.inside.hooked import hooked
from upfit.values import Change

UNBOUNDED = (nn.ReLU, nn.LeakyReLU, nn.GELU, nn.SiLU, nn.ELU, nn.SELU, nn.PReLU, nn.Mish, nn.ReLU6)
"""Activations that let gradients through for good; others are exchanged for them."""
PASSING = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Flatten, nn.Identity)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.LayerNorm, nn.GroupNorm, nn.InstanceNorm2d)
PATHS = ("model.activation", "model.norm", "model.output", "model.norm_momentum", "loss.name")


@dataclass(frozen=True, eq=False)
class Anatomy:
    """The modules without children that an example passes through, in order.

    Args:
        names: Of each call.
        modules: The same, themselves.
        shapes: Of what each gives.
        is_elementwise: Whether each maps number by number, has no parameters, and is no identity.
        gives_output: Whether what each gives is what the model gives.
    """

    names: tuple[str, ...]
    modules: tuple[nn.Module, ...]
    shapes: tuple[torch.Size, ...]
    is_elementwise: tuple[bool, ...]
    gives_output: tuple[bool, ...]

    @property
    def inner_layers(self) -> tuple[int, ...]:
        """Places of the linear and convolution layers but the last."""
        return tuple(i for i, one in enumerate(self.modules) if isinstance(one, LINEAR))[:-1]

    @property
    def bad_activations(self) -> tuple[int, ...]:
        """Places between layers where an activation fades or explodes."""
        last = max((i for i, one in enumerate(self.modules) if isinstance(one, LINEAR)), default=0)
        return tuple(
            i
            for i, one in enumerate(self.modules)
            if self.is_elementwise[i] and i < last and not isinstance(one, UNBOUNDED)
        )

    @property
    def bare_layers(self) -> tuple[int, ...]:
        """Places of inner layers that the next layer follows at once."""
        return tuple(i for i in self.inner_layers if isinstance(self._next(i), LINEAR))

    @property
    def last_activation(self) -> int | None:
        """Place of a module without parameters that gives the model's output."""
        place = len(self.modules) - 1
        ends = place >= 0 and self.gives_output[place] and not isinstance(self.modules[place], PASSING)
        return place if ends and not list(self.modules[place].parameters()) else None

    @property
    def ends_in_rectifier(self) -> bool:
        """Whether what the network gives went through an activation that is meant to stand between layers."""
        place = self.last_activation
        return place is not None and isinstance(self.modules[place], UNBOUNDED)

    def _next(self, place: int) -> nn.Module | None:
        after = self.modules[place + 1 :]
        return next((one for one in after if not isinstance(one, (*PASSING, *NORMS))), None)


def anatomy_of(model: nn.Module, calls: Calls, example: Example) -> Anatomy:
    """Look at one forward pass in evaluation mode; the model is left as it was.

    >>> net = nn.Sequential(nn.Linear(2, 3), nn.Sigmoid(), nn.Linear(3, 2), nn.Softmax(1))
    >>> found = anatomy_of(net, Calls(net, None), Example(torch.randn(4, 2), None))
    >>> found.bad_activations, found.last_activation
    ((1,), 3)
    """
    seen: list[tuple[str, nn.Module, Any, Any]] = []
    leaves = {one: name for name, one in model.named_modules() if not list(one.children())}

    def note(one: nn.Module, given: tuple[Any, ...], out: Any) -> None:
        seen.append((leaves[one], one, given[0] if given else None, out))

    with hooked(leaves, after=note), torch.no_grad(), untouched(model):
        model.eval()
        raw = calls.raw(example)
        flat = [(name, one, _is_elementwise(one, given, out), out) for name, one, given, out in seen]
    flat = [line for line in flat if isinstance(line[3], torch.Tensor)]
    return Anatomy(
        names=tuple(name for name, _, _, _ in flat),
        modules=tuple(one for _, one, _, _ in flat),
        shapes=tuple(out.shape for _, _, _, out in flat),
        is_elementwise=tuple(even for _, _, even, _ in flat),
        gives_output=tuple(out is raw for _, _, _, out in flat),
    )


def operate(model: nn.Module, optimizer: Optimizer, changes: Iterable[Change], found: Anatomy) -> None:
    """Make those of the changes that concern the network, in place; new weights join the optimizer.

    Args:
        model: Newly built.
        optimizer: Its optimizer.
        changes: Those of `PATHS` count, others are left to others.
        found: Of this very model.
    """
    to = {change.path: change.to for change in changes if change.path in PATHS}
    after: dict[int, list[nn.Module]] = {}
    if to.get("model.norm") == "batch":
        after |= {place: [norm] for place in found.inner_layers if (norm := _norm_for(found, place))}
    if to.get("model.activation") == "relu":
        for place in found.bad_activations:
            _put(model, found.names[place], nn.ReLU())
        for place in found.bare_layers:
            after.setdefault(place, []).append(nn.ReLU())
    if "model.norm_momentum" in to:
        for one in model.modules():
            if isinstance(one, nn.modules.batchnorm._BatchNorm):
                one.momentum = to["model.norm_momentum"]
    if "loss.name" in to:
        # Both losses take logits.
        to.setdefault("model.output", "linear")
    if "model.output" in to and found.last_activation is not None:
        end = nn.Sigmoid() if to["model.output"] == "sigmoid" else nn.Identity()
        _put(model, found.names[found.last_activation], end)
    device = next(model.parameters()).device
    for place, modules in after.items():
        added = nn.Sequential(found.modules[place], *(one.to(device) for one in modules))
        _put(model, found.names[place], added)
        fresh = [p for one in modules for p in one.parameters()]
        if fresh:
            optimizer.add_param_group({"params": fresh})


def _norm_for(found: Anatomy, place: int) -> nn.Module | None:
    """Batch normalisation for what a layer gives; None where that is no row of features or image."""
    shape = found.shapes[place]
    if len(shape) == 2:
        return nn.BatchNorm1d(shape[1])
    return nn.BatchNorm2d(shape[1]) if len(shape) == 4 else None


def _put(model: nn.Module, name: str, module: nn.Module) -> None:
    """Set a submodule by its dotted name."""
    home, _, last = name.rpartition(".")
    setattr(model.get_submodule(home), last, module)


def _is_elementwise(module: nn.Module, given: Any, output: Any) -> bool:
    """Whether numbers in another order give the same numbers in that order."""
    if list(module.parameters()) or not isinstance(given, torch.Tensor) or isinstance(module, PASSING):
        return False
    if not isinstance(output, torch.Tensor) or output.shape != given.shape or not given.is_floating_point():
        return False
    turned = module.forward(given.flatten().flip(0).reshape(given.shape)).flatten().flip(0)
    same = torch.allclose(turned.reshape(output.shape), output, rtol=1e-4, equal_nan=True)
    return same and not torch.equal(output, given)
