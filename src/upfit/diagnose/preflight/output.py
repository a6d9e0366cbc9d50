"""The last activation against the loss and the targets: could the model answer rightly at all?"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F

from upfit.diagnose.preflight.calls import Example
from upfit.diagnose.preflight.subject import Subject
from upfit.measure.inside.layers import owners

STRETCH = 1000.0
"""A linear output grows that much when its weights do; one behind an activation stays in its range."""
WITHOUT_END = 1e12
ALIKE = 1e-6
"""Of a loss: what differs less differs by rounding."""
BEYOND = 1e30
"""Where outputs are cut: beyond every end, and still a number in single precision."""
OTHERS = 3
"""Layers before the last that are stretched, where the last leaves the outputs in a range."""
FURTHEST = 11
"""Times that outputs are stretched at most: single precision ends at 1e38."""


@torch.no_grad()
def measure(subject: Subject) -> dict[str, float]:
    """The range of the outputs, and the least loss that answers within that range can have.

    The last layer's weights are stretched in both directions; what comes out spans the output's range.
    Right answers are then pressed into that range and given to the loss function. Nothing depends on what
    the modules are called, so that a softmax written inside `forward` is found as well.
    """
    subject.model.eval()
    example = subject.batches[0]
    if not isinstance(example.target, torch.Tensor):
        return {}
    answer = subject.calls.answer(example)
    if answer.ndim > 2 or not isinstance(subject.calls.raw(example), torch.Tensor):
        return {}
    first = list(_stretched(subject, example, STRETCH))
    if _has_no_say(subject, example, (answer, *first)):
        # Other weights answer in evaluation, or the last layer has no say: the range is not known.
        return {}
    once = torch.cat([answer, *first]).float()
    stretched = torch.cat([once, *_stretched(subject, example, STRETCH**2)]).float()
    # A faint signal has to be stretched further until it comes to an end, or to none.
    for power in range(3, FURTHEST):
        if not _still_small(once, stretched):
            break
        once, stretched = stretched, torch.cat([stretched, *_stretched(subject, example, STRETCH**power)])
    low, high = (_end(getattr(once, name)(), getattr(stretched, name)()) for name in ("min", "max"))
    low, high = _further(subject, example, low, high)
    facts = {
        "output.low": low,
        "output.high": high,
        "output.width": float(answer.shape[1] if answer.ndim > 1 else 1),
        "output.sums_to_one": float(_is_one(stretched, 1)),
        "output.sums_over_batch": float(answer.ndim > 1 and len(answer) > 1 and _is_one(answer.float(), 0)),
        "output.log_shares": float(_is_one(stretched.exp(), 1)),
    }
    return facts | _targets(example.target) | _attainable(subject, example, answer, facts)


def _further(subject: Subject, example: Example, low: float, high: float) -> tuple[float, float]:
    """The range that is left when other late layers are stretched: the last may only say whom to ask."""
    for place in range(2, 2 + OTHERS):
        if max(-low, high) >= WITHOUT_END:
            return low, high
        once, twice = (list(_stretched(subject, example, STRETCH**power, place)) for power in (1, 2))
        if once and twice:
            near, far = torch.cat(once).float(), torch.cat(twice).float()
            low = min(low, _end(near.min(), far.min()))
            high = max(high, _end(near.max(), far.max()))
    return low, high


def _has_no_say(subject: Subject, example: Example, answers: tuple[torch.Tensor, ...]) -> bool:
    """Whether answers differ by example, and stay as they are whatever becomes of the last layer."""
    answer, *first = answers
    if bool((answer == answer.flatten()[0]).all()) or not _are_all(first, answer):
        # One number for all, as from a softmax over a single output, is what is to be told.
        return False
    return _are_all(list(_stretched(subject, example, STRETCH**FURTHEST)), answer)


def _are_all(outputs: list[torch.Tensor], answer: torch.Tensor) -> bool:
    return bool(outputs) and all(torch.equal(one, answer) for one in outputs)


def _end(once: torch.Tensor, twice: torch.Tensor) -> float:
    """An end of the outputs' range; one that moves on with every stretch is no end."""
    moves = abs(float(twice)) > 10 * abs(float(once)) and abs(float(twice)) > STRETCH
    return math.copysign(WITHOUT_END, float(twice)) if moves else float(twice)


def _still_small(once: torch.Tensor, twice: torch.Tensor) -> bool:
    """Whether outputs grow with every stretch, and have not come so far that this tells they have no end."""
    before, now = float(once.abs().max()), float(twice.abs().max())
    return now > 10 * before and now <= STRETCH


def _stretched(subject: Subject, example: Example, size: float, place: int = 1) -> Iterator[torch.Tensor]:
    """Outputs with the parameters of a layer, counted from the last, stretched in both directions."""
    layers = list(owners(subject.model).values())
    if len(layers) < place:
        return
    last = list(layers[-place].parameters(recurse=False))
    before = [p.clone() for p in last]
    # Weights of zero stay zero however they are stretched: others stand in for them.
    drawn = before if any(bool(v.any()) for v in before) else [_ramp(v) for v in before]
    for factor in (size, -2 * size):
        for p, value in zip(last, drawn, strict=True):
            p.copy_(value * factor)
        found = subject.calls.answer(example)
        for p, value in zip(last, before, strict=True):
            p.copy_(value)
        # An exponential that overflows has no end; what is no number says nothing.
        found = found.clamp(-BEYOND, BEYOND)
        if bool(torch.isfinite(found).all()):
            yield found


def _ramp(weights: torch.Tensor) -> torch.Tensor:
    ends = torch.linspace(-1, 1, weights.numel(), dtype=weights.dtype, device=weights.device)
    return ends.reshape(weights.shape)


def _is_one(rows: torch.Tensor, dim: int) -> bool:
    if rows.ndim < 2 or rows.shape[dim] < 2 or float(rows.min()) < -1e-6:
        return False
    return bool(((rows.sum(dim) - 1).abs() < 1e-3).all())


def _targets(target: torch.Tensor) -> dict[str, float]:
    values = target.float()
    values = values[torch.isfinite(values)]
    return {"target.low": float(values.min()), "target.high": float(values.max())} if values.numel() else {}


def _attainable(
    subject: Subject, example: Example, answer: torch.Tensor, facts: dict[str, float]
) -> dict[str, float]:
    """Least loss of right answers, free and pressed into the range; the loss of knowing nothing."""
    low, high = facts["output.low"], facts["output.high"]
    free, pressed, other_rows = [], [], []
    for right in right_answers(answer, example.target):
        free.append(_loss(subject, right, example.target))
        other_rows.append(_cost_of_other_rows(subject, right, example.target))
        within = right.clamp(low, high)
        if facts["output.sums_to_one"]:
            within = within / within.sum(1, keepdim=True).clamp_min(1e-6)
        elif facts["output.log_shares"]:
            within = F.log_softmax(right, 1)
        pressed.append(_loss(subject, within, example.target))
    alike = [math.isclose(a, b, rel_tol=ALIKE) for a, b in zip(free, other_rows, strict=True) if b == b]
    free, pressed = [x for x in free if math.isfinite(x)], [x for x in pressed if math.isfinite(x)]
    knows_nothing = _loss(subject, _average_answer(answer, example.target), example.target)
    found = {
        "output.loss_knowing_nothing": knows_nothing,
        "output.rows_alike": float(all(alike) and any(alike)),
    }
    if free and pressed:
        found |= {"output.least_free": min(free), "output.least": min(pressed)}
    wrong = [_loss(subject, -right, example.target) for right in right_answers(answer, example.target)]
    wrong = [x for x in wrong if math.isfinite(x)]
    if free and wrong:
        # A softmax inside the loss over a single column, say: nothing can be learnt from what never differs.
        costs = [*free, *wrong, knows_nothing]
        found["output.indifferent"] = float(max(costs) - min(costs) <= ALIKE * max(1.0, abs(max(costs))))
    if free and wrong:
        found["output.right_costs_more"] = float(min(free) > max(wrong) or min(free) < -100)
    return {name: value for name, value in found.items() if math.isfinite(value)}


def right_answers(answer: torch.Tensor, target: torch.Tensor) -> Iterator[torch.Tensor]:
    """Outputs that are right, under the conventions there are: values, their logarithms, logits."""
    if answer.numel() == target.numel():
        values = target.reshape(answer.shape).to(answer.dtype)
        yield values
        if float(values.min()) >= 0 and float(values.max()) > 1:
            # Of counts; one half stands for none, whose logarithm has no end.
            yield values.clamp_min(0.5).log()
        if float(values.min()) >= 0 and float(values.max()) <= 1:
            for size in (4.0, 30.0, STRETCH):
                yield (2 * values - 1) * size
    elif answer.ndim == 2 and not target.is_floating_point() and target.numel() == len(answer):
        kept = target.reshape(-1).clamp(0, answer.shape[1] - 1)
        rows = F.one_hot(kept, answer.shape[1]).to(answer.dtype)
        yield rows
        for size in (4.0, 30.0, STRETCH):
            yield (2 * rows - 1) * size


def _cost_of_other_rows(subject: Subject, right: torch.Tensor, target: torch.Tensor) -> float:
    """What right answers cost in the place of other rows; NaN where all rows have the same answer."""
    moved = right.roll(1, 0)
    return math.nan if torch.allclose(moved, right) else _loss(subject, moved, target)


def _average_answer(answer: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    if answer.numel() == target.numel() and target.is_floating_point():
        return target.reshape(answer.shape).to(answer.dtype).mean(0, keepdim=True).expand_as(answer)
    return torch.zeros_like(answer)


def _loss(subject: Subject, answer: torch.Tensor, target: torch.Tensor) -> float:
    try:
        return float(subject.calls.loss(answer, target))
    except (RuntimeError, ValueError, IndexError, TypeError):
        return math.nan
