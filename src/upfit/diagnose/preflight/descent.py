"""One step of the user's own optimizer: does it move the parameters, and downhill?"""

from __future__ import annotations

import math

import torch

from upfit.diagnose.preflight.subject import Subject
from upfit.measure.inside.layers import layer_weights


def measure(subject: Subject) -> dict[str, float]:
    """The cosine between the step and the negative gradient, and the size of the step per layer.

    A cosine below zero means that the optimizer climbs. A step may not lower the loss when it is too long,
    so the direction is judged, not the loss.
    """
    if not subject.optimizers:
        return {}
    subject.model.train()
    _, loss = subject.calls.measured(subject.batches[0])
    if not loss.requires_grad:
        return {}
    loss.backward()
    held = [p for one in subject.optimizers for group in one.param_groups for p in group["params"]]
    held = [p for p in held if p.grad is not None and not p.grad.is_sparse]
    before = [p.detach().clone() for p in held]
    weights = {name: [w.detach().clone() for w in own] for name, own in layer_weights(subject.model).items()}
    grads = [p.grad.detach().clone() for p in held if p.grad is not None]
    for optimizer in subject.optimizers:
        for group in optimizer.param_groups:
            # Warm-up may begin at a rate of nought.
            group["lr"] = group["lr"] or group.get("initial_lr", group["lr"])
        optimizer.step()
    changes = [p.detach() - old for p, old in zip(held, before, strict=True)]
    facts = _direction(changes, grads)
    ratios = _ratios(weights, layer_weights(subject.model))
    if ratios:
        facts["descent.update_ratio"] = sorted(ratios)[len(ratios) // 2]
        facts["descent.update_ratio_largest"] = max(ratios)
    return facts


def _direction(changes: list[torch.Tensor], grads: list[torch.Tensor]) -> dict[str, float]:
    pairs = [(c, g) for c, g in zip(changes, grads, strict=True) if bool((g != 0).any())]
    if not pairs:
        return {}
    dot = sum(float((c.double() * g.double()).sum()) for c, g in pairs)
    long = math.sqrt(sum(float(c.double().pow(2).sum()) for c, _ in pairs))
    steep = math.sqrt(sum(float(g.double().pow(2).sum()) for _, g in pairs))
    facts = {"descent.moved": sum(bool((c != 0).any()) for c, _ in pairs) / len(pairs)}
    if long > 0 and steep > 0 and math.isfinite(long * steep):
        facts["descent.cosine"] = -dot / long / steep
    return facts


def _ratios(before: dict[str, list[torch.Tensor]], after: dict[str, list[torch.Tensor]]) -> list[float]:
    found = []
    for name, old in before.items():
        size = math.sqrt(sum(float(w.double().pow(2).sum()) for w in old))
        change = sum(
            float((n.detach() - o).double().pow(2).sum()) for n, o in zip(after[name], old, strict=True)
        )
        if size > 0 and change > 0:
            found.append(math.sqrt(change) / size)
    return found
