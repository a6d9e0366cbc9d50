"""Activations before training: units that never fire, and ends of ranges where nothing moves."""

from __future__ import annotations

import math

import torch

from upfit.diagnose.preflight.calls import Calls, Example, main_tensor
from upfit.diagnose.preflight.subject import Subject
from upfit.measure.inside.activations import SMOOTH, Watching
from upfit.measure.inside.units import Looked


@torch.no_grad()
def measure(subject: Subject) -> dict[str, float]:
    """The state of the rectifiers, sigmoids and tanhs, in evaluation mode."""
    subject.model.eval()
    looked = look(subject.calls, subject.batches)
    dead, saturated = list(looked.dead.values()), list(looked.saturated.values())
    facts = {
        "units.examples": float(looked.examples),
        "units.rectifiers": float(len(dead)),
        "units.squashers": float(len(saturated)),
        "units.exponentials": float(looked.kinds["exp"]),
        "units.others": float(sum(looked.kinds[kind] for kind in SMOOTH)),
        "units.bends": _bends(subject),
        "units.largest_output": looked.largest,
        "units.undefined": float(looked.undefined),
    }
    if dead:
        facts |= {"units.dead": max(dead), "units.dead_layers": sum(x > 0.5 for x in dead) / len(dead)}
    if saturated:
        facts |= {
            "units.saturated": max(saturated),
            "units.saturated_layers": sum(x > 0.5 for x in saturated) / len(saturated),
        }
    return {name: value for name, value in facts.items() if math.isfinite(value)} | {
        "units.finite": float(math.isfinite(looked.largest))
    }


def _bends(subject: Subject) -> float:
    """1 where the answer halfway between two inputs is not halfway between their answers; NaN if unknown."""
    one = subject.batches[0].inputs if subject.batches else None
    if not isinstance(one, torch.Tensor) or not one.is_floating_point() or len(one) < 2:
        return math.nan
    other = one.flip(0)
    ends = [subject.calls.answer(Example(x, subject.batches[0].target)) for x in (one, other)]
    middle = subject.calls.answer(Example((one + other) / 2, subject.batches[0].target))
    straight = (ends[0] + ends[1]) / 2
    size = float(torch.cat(ends).std()) if torch.isfinite(torch.cat(ends)).all() else math.nan
    return float((middle - straight).abs().max() > 1e-3 * size) if size > 0 else math.nan


@torch.no_grad()
def look(calls: Calls, examples: list[Example]) -> Looked:
    """Run some batches and gather what their activations do; the model's mode is left to the caller."""
    looked = Looked()
    for example in examples:
        # Names count calls within one pass: a new pass begins at 1 again.
        with Watching(calls.model, looked.note):
            raw = calls.raw(example)
        looked.raw.append(raw)
        looked.examples += len(main_tensor(raw))
    return looked
