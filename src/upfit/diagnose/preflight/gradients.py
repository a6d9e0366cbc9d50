"""One backward pass: who gets a gradient, how large, and who is left without."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from upfit.diagnose.preflight.subject import Subject
from upfit.errors import DataError
from upfit.measure.inside.hooked import hooked
from upfit.measure.inside.layers import layer_weights, owners


def measure(subject: Subject) -> dict[str, float]:
    """Gradients of one training batch, in training mode.

    `none_below` is 1 where the first layers that ran got no gradient though later ones did: the graph is
    cut. Modules that never ran (a pooler nobody uses) do not count.
    """
    if not subject.batches:
        raise DataError("the training loader gives no batches")
    subject.model.train()
    with _running(subject.model) as ran:
        _, loss = subject.calls.measured(subject.batches[0])
    facts = {"gradients.attached": float(loss.requires_grad), "gradients.loss": float(loss.detach())}
    trained = _trainable(subject.model, ran)
    facts["gradients.asleep"] = _asleep(subject, trained)
    wanted = [p for p in subject.model.parameters() if p.requires_grad]
    facts["gradients.wanted"] = float(len(wanted))
    if not loss.requires_grad:
        return facts
    loss.backward()
    return facts | _missing(trained) | _sizes(trained)


@torch.no_grad()
def _asleep(subject: Subject, trained: dict[str, list[nn.Parameter]]) -> float:
    """Share of the trainable weights that run in evaluation alone, as where answers are kept."""
    subject.model.eval()
    with _running(subject.model) as ran:
        subject.calls.raw(subject.batches[0])
    subject.model.train()
    evaluated = _trainable(subject.model, ran)
    sizes = {name: sum(p.numel() for p in weights) for name, weights in evaluated.items()}
    return sum(n for name, n in sizes.items() if name not in trained) / max(1, sum(sizes.values()))


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


@contextmanager
def _running(model: nn.Module) -> Iterator[list[str]]:
    """The names of layers, in the order in which they run."""
    order: list[str] = []
    names = {module: name or "model" for name, module in owners(model).items()}
    with hooked(names, before=lambda module, _inputs: order.append(names[module])):
        yield order


def _trainable(model: nn.Module, ran: list[str]) -> dict[str, list[nn.Parameter]]:
    """Trainable weights of the layers that ran, where they have any."""
    weights = layer_weights(model)
    found = {
        name: [p for p in weights[name] if isinstance(p, nn.Parameter) and p.requires_grad]
        for name in dict.fromkeys(ran)
    }
    return {name: own for name, own in found.items() if own}


def dense(gradient: torch.Tensor) -> torch.Tensor:
    """The numbers of a gradient; of a sparse one, those that are there."""
    return gradient.coalesce().values() if gradient.is_sparse else gradient


def total_norm(parameters: list[torch.Tensor]) -> float:
    """L2 norm over the gradients of some parameters."""
    grads = [p.grad for p in parameters if p.grad is not None]
    return math.sqrt(sum(float(dense(g).double().pow(2).sum()) for g in grads))
