"""The weights before training: identical rows, wrong sizes, layers that were never loaded."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from upfit.diagnose.preflight.copies import copies
from upfit.diagnose.preflight.subject import Subject
from upfit.measure.inside.layers import owners

FEWEST = 64
"""Fewer weights say little about where they came from."""


def measure(subject: Subject) -> dict[str, float]:
    """Shares of layers (without the last, which is often started at zero on purpose).

    Scale 1 is the size that keeps the variance of a signal: weights with standard deviation √(1/inputs).
    """
    known = [(name, getattr(m, "weight", None), m) for name, m in owners(subject.model).items()]
    layers = [
        (name, w) for name, w, m in known if isinstance(w, torch.Tensor) and not isinstance(m, nn.Embedding)
    ]
    inner = [w.detach().float() for _, w in layers[:-1]]
    facts = {"weights.layers": float(len(layers)), "weights.nought": _nought(subject.model)}
    if inner:
        facts |= {
            "weights.identical": sum(_has_identical_rows(w) for w in inner) / len(inner),
            "weights.zero": sum(not w.any() for w in inner) / len(inner),
            "weights.one_sided": sum(_is_one_sided(w) for w in inner) / len(inner),
        }
        scales = sorted(_scale(w) for w in inner)
        facts |= {"weights.scale": scales[len(scales) // 2], "weights.largest_scale": scales[-1]}
    cells = [m for m in subject.model.modules() if isinstance(m, nn.RNNBase)]
    if cells:
        alike = sum(map(_has_identical_units, cells)) / len(cells)
        facts["weights.identical"] = max(alike, facts.get("weights.identical", 0.0))
    if layers:
        facts["weights.last_scale"] = _scale(layers[-1][1].detach().float())
    return facts | _freshness(subject, layers)


def _nought(model: nn.Module) -> float:
    """Share of the trainable matrices that hold nothing but zeros: of an adapter's two factors, one may."""
    known = [p for p in model.parameters() if p.requires_grad and p.ndim >= 2]
    return sum(not bool(p.any()) for p in known) / max(1, len(known))


def _scale(weight: torch.Tensor) -> float:
    fan_in = weight[0].numel()
    return float(weight.square().mean().sqrt()) * math.sqrt(fan_in)


def _has_identical_rows(weight: torch.Tensor) -> bool:
    rows = weight.reshape(len(weight), -1)
    return len(rows) > 1 and bool(rows.any()) and bool((rows == rows[:1]).all())


def _has_identical_units(cell: nn.RNNBase) -> bool:
    """Whether all units of a recurrent layer begin with the same weights, in each of its gates."""
    gates = [g for p in cell.parameters() if p.ndim > 1 for g in p.detach().split(cell.hidden_size)]
    return all(map(_has_identical_rows, gates))


def _is_one_sided(weight: torch.Tensor) -> bool:
    """Whether nearly all weights have one sign: sums over inputs then have it too."""
    if weight.numel() < FEWEST or not bool(weight.any()):
        return False
    return max(float((weight > 0).float().mean()), float((weight < 0).float().mean())) > 0.98


def _freshness(subject: Subject, layers: list[tuple[str, torch.Tensor]]) -> dict[str, float]:
    """Whether layers look as PyTorch starts them: uniform, and exactly as wide as their inputs demand."""
    # Layers that start at nought, as the last of a residual block, are neither fresh nor trained.
    told = [w for _, w in layers if w.numel() >= FEWEST and bool(w.any())]
    known = [(w, _is_fresh(w.detach().float())) for w in told]
    copied = copies(subject.model)
    frozen = [
        (w, fresh)
        for w, fresh in (*known, *_embeddings(subject.model), *_cells(subject.model))
        if not w.requires_grad and id(w) not in copied
    ]
    below = known[:-1]
    facts = {"fresh.layers": float(len(below)), "fresh.claimed": float(subject.pretrained is True)}
    if below:
        facts["fresh.share"] = _share(below)
        # A trained layer above a fresh one: a part of a checkpoint is missing.
        last = max((i for i, (_, fresh) in enumerate(below) if not fresh), default=-1)
        facts["fresh.below_trained"] = _share(below[: last + 1])
    if frozen:
        facts["fresh.frozen"] = _share(frozen)
        facts["fresh.frozen_beside_trained"] = float(len({fresh for _, fresh in frozen}) == 2)
    norms = [m for m in subject.model.modules() if isinstance(m, _BatchNorm) and m.running_mean is not None]
    if norms:
        facts["fresh.norms"] = sum(
            not bool(m.running_mean.any()) for m in norms if m.running_mean is not None
        ) / len(norms)
    return facts


def _embeddings(model: nn.Module) -> list[tuple[torch.Tensor, bool]]:
    """Tables of vectors, and whether they look as PyTorch starts them: normal, of mean 0 and spread 1."""
    found = [m.weight for m in model.modules() if isinstance(m, nn.Embedding) and m.weight.numel() >= FEWEST]
    return [(w, _is_normal(w.detach().float())) for w in found]


def _cells(model: nn.Module) -> list[tuple[torch.Tensor, bool]]:
    """Weights of recurrent layers, and whether they look as PyTorch starts them: by the size of the state."""
    cells = [m for m in model.modules() if isinstance(m, nn.RNNBase)]
    return [
        (w, _is_fresh(w.detach().float(), fan=m.hidden_size))
        for m in cells
        for w in m.parameters()
        if w.ndim == 2 and w.numel() >= FEWEST
    ]


def _is_normal(weight: torch.Tensor) -> bool:
    # A row for padding is zero.
    weight = weight[weight.any(1)].double()
    if weight.numel() < FEWEST:
        return False
    error = 4 / math.sqrt(weight.numel())
    even = abs(float(weight.mean())) < error and abs(float(weight.std()) - 1) < error
    return even and abs(float((weight**4).mean()) / 3 - 1) < 4 * error


def _share(known: list[tuple[torch.Tensor, bool]]) -> float:
    """Fresh weights among all, counted by element: small adapters are new on purpose."""
    return sum(w.numel() for w, fresh in known if fresh) / max(1, sum(w.numel() for w, _ in known))


def _is_fresh(weight: torch.Tensor, fan: int | None = None) -> bool:
    """Uniform within ±1/√inputs (the start of Linear and Conv layers), by its end and its spread."""
    bound = 1 / math.sqrt(fan or weight[0].numel())
    largest = float(weight.abs().max())
    spread = float(weight.std())
    tolerance = 4 / math.sqrt(weight.numel())
    return largest <= bound * 1.0001 and abs(spread * math.sqrt(3) / bound - 1) < min(0.2, tolerance)
