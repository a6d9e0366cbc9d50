"""Shapes of outputs and targets that broadcast where they should match."""

from __future__ import annotations

import torch

from upfit.diagnose.preflight.subject import Subject

MOST = 16


@torch.no_grad()
def measure(subject: Subject) -> dict[str, float]:
    """The loss of a batch against the losses of its examples one by one.

    `(N, 1)` minus `(N,)` is `(N, N)`: the mean over it is not the mean over examples. Compared only where
    the shapes differ and could broadcast, so that losses which look at a whole batch on purpose are left
    alone. Two answers are judged, and the one that shows more is told: answers that have nothing to do with
    their targets may cost as much against all targets as against their own, right ones never do.
    """
    subject.model.eval()
    example = subject.batches[0]
    answer = subject.calls.raw(example)
    target = example.target
    if not isinstance(answer, torch.Tensor) or not isinstance(target, torch.Tensor):
        return {}
    differ = answer.shape != target.shape and target.is_floating_point() and len(answer) > 1
    facts = {"shapes.differ": float(differ)}
    if not differ or answer.numel() != target.numel():
        return facts
    answer, target = answer[:MOST], target[:MOST]
    # Made to differ, so that equal outputs at the start do not hide it.
    answer = answer + torch.linspace(-1, 1, len(answer), device=answer.device).reshape(
        -1, *[1] * (answer.ndim - 1)
    )
    right = target.reshape(answer.shape).to(answer.dtype)
    pairs = [_whole_and_single(subject, one, target) for one in (answer, right)]
    whole, nearest = max(pairs, key=_apart)
    return facts | {"shapes.whole": whole, "shapes.one_by_one": nearest}


def _whole_and_single(subject: Subject, answer: torch.Tensor, target: torch.Tensor) -> tuple[float, float]:
    """What a batch costs, and its examples one by one: their mean or sum, whichever is nearer."""
    whole = float(subject.calls.loss(answer, target))
    single = [float(subject.calls.loss(answer[i : i + 1], target[i : i + 1])) for i in range(len(answer))]
    mean, total = sum(single) / len(single), sum(single)
    return whole, min((mean, total), key=lambda value: abs(value - whole))


def _apart(pair: tuple[float, float]) -> float:
    whole, single = pair
    return abs(whole - single) / max(abs(whole), abs(single), 1e-12)
