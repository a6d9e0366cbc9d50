"""One backward pass: who gets a gradient, how large, and who is left without."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from upfit.diagnose.preflight.subject import Subject
from upfit.errors import DataError
from upfit.measure.inside.layers import layer_weights, owners


def measure(subject: Subject) -> dict[str, float]:
    """Gradients of one training batch, in training mode.

    `none_below` is 1 where the first layers that ran got no gradient though later ones did: the graph is
    cut. Modules that never ran (a pooler nobody uses) do not count.
    """
    if not subject.batches:
        raise DataError("the training loader gives no batches")
    subject.model.train()
    ran = _Ran(subject.model)
    with ran:
        _, loss = subject.calls.measured(subject.batches[0])
    facts = {"gradients.attached": float(loss.requires_grad), "gradients.loss": float(loss.detach())}
    facts["gradients.asleep"] = _asleep(subject, ran)
    wanted = [p for p in subject.model.parameters() if p.requires_grad]
    facts["gradients.wanted"] = float(len(wanted))
    if not loss.requires_grad:
        return facts
    loss.backward()
    ran_layers = {name: weights for name, weights in ran.layers().items() if weights}
    return facts | _missing(ran_layers) | _sizes(ran_layers)


@torch.no_grad()
def _asleep(subject: Subject, trained: _Ran) -> float:
    """Share of the trainable weights that run in evaluation alone, as where answers are kept."""
    subject.model.eval()
    ran = _Ran(subject.model)
    with ran:
        subject.calls.raw(subject.batches[0])
    subject.model.train()
    sizes = {name: sum(p.numel() for p in weights) for name, weights in ran.layers().items()}
    return sum(n for name, n in sizes.items() if name not in trained.layers()) / max(1, sum(sizes.values()))


def _missing(layers: dict[str, list[nn.Parameter]]) -> dict[str, float]:
    """Trainable layers that ran and got no gradient."""
    flags = [any(p.grad is None for p in weights) for weights in layers.values()]
    elements = [sum(p.numel() for p in weights) for weights in layers.values()]
    lost = sum(n for n, flag in zip(elements, flags, strict=True) if flag)
    return {
        "gradients.layers": float(len(layers)),
        "gradients.none_share": lost / max(1, sum(elements)),
        "gradients.none_below": float(bool(flags) and flags[0] and not all(flags)),
    }


def _sizes(layers: dict[str, list[nn.Parameter]]) -> dict[str, float]:
    """Norms of the gradients: of all, of the first and the last layer (root mean square per weight)."""
    grads = [[p.grad for p in weights if p.grad is not None] for weights in layers.values()]
    grads = [one for one in grads if one]
    if not grads:
        return {}
    norms = [math.sqrt(sum(float(dense(g).double().pow(2).sum()) for g in one)) for one in grads]
    rms = [n / math.sqrt(sum(g.numel() for g in one)) for n, one in zip(norms, grads, strict=True)]
    total = math.sqrt(sum(n * n for n in norms))
    return {
        "gradients.norm": total,
        "gradients.finite": float(math.isfinite(total)),
        "gradients.zero_share": sum(n == 0 for n in norms) / len(norms),
        "gradients.first": norms[0],
        "gradients.first_over_last": rms[0] / rms[-1] if rms[-1] > 0 else math.nan,
    }


class _Ran:
    """Which layers ran in a forward pass, in order."""

    def __init__(self, model: nn.Module) -> None:
        self._weights = layer_weights(model)
        self._modules = owners(model)
        self._order: list[str] = []
        self._handles: list[Any] = []

    def __enter__(self) -> _Ran:
        for name, module in self._modules.items():
            self._handles.append(module.register_forward_pre_hook(self._note(name or "model")))
        return self

    def __exit__(self, *error: object) -> None:
        for handle in self._handles:
            handle.remove()

    def _note(self, name: str) -> Any:
        return lambda _module, _inputs: self._order.append(name)

    def layers(self) -> dict[str, list[nn.Parameter]]:
        """Trainable weights of the layers that ran."""
        return {
            name: [p for p in self._weights[name] if isinstance(p, nn.Parameter) and p.requires_grad]
            for name in dict.fromkeys(self._order)
        }


def dense(gradient: torch.Tensor) -> torch.Tensor:
    """The numbers of a gradient; of a sparse one, those that are there."""
    return gradient.coalesce().values() if gradient.is_sparse else gradient


def total_norm(parameters: list[torch.Tensor]) -> float:
    """L2 norm over the gradients of some parameters."""
    grads = [p.grad for p in parameters if p.grad is not None]
    return math.sqrt(sum(float(dense(g).double().pow(2).sum()) for g in grads))
