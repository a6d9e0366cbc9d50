"""Are the inputs finite, and of a scale that networks learn from?"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from upfit.diagnose.preflight.subject import Subject
from upfit.diagnose.preflight.survey import Survey
from upfit.measure.inside.hooked import hooked
from upfit.measure.inside.layers import owners

SHORT = 8
ABSURD = 300.0
COLUMNS = 4
"""Fewer have one mean and spread by chance."""
PADDED, ALIKE, AT_ODDS = 0.02, 0.02, 0.2
"""Shares of rows that end early, of rows that occur more than once, and of those the ones whose label is not
the usual one of such rows."""
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.LayerNorm, nn.GroupNorm, nn.InstanceNorm2d)


def measure(subject: Subject) -> dict[str, float]:
    """Range and spread of training inputs; how far validation inputs lie from them."""
    found = subject.surveyed
    if not found.examples:
        return {}
    facts = {
        "inputs.examples": float(found.examples),
        "inputs.not_finite": float(found.not_finite),
        "inputs.first_bad": float(found.first_bad),
        "inputs.held_not_finite": float(subject.surveyed_validation.not_finite),
        "inputs.tokens": float(found.tokens),
    }
    if found.tokens:
        return facts | {"inputs.cut_short": float(_is_cut_short(found))}
    if not found.inputs.size:
        return facts
    values = found.inputs[np.isfinite(found.inputs).all(1)]
    if not len(values):
        return facts
    facts |= {"inputs.is_table": float(len(found.shape) == 1)}
    facts["inputs.rows_standardised"] = float(_are_rows_standardised(values))
    facts["inputs.squashed"] = _squashed(values)
    facts |= _scale(values) | _rescaled(subject)
    facts["inputs.normalised_first"] = float(_starts_with_norm(subject.model))
    return facts | _skew(values, subject.surveyed_validation)


def _are_rows_standardised(values: npt.NDArray[Any]) -> bool:
    """Whether every row has one mean and spread, and columns differ: standardised the wrong way."""
    if values.shape[1] < COLUMNS:
        return False
    means, spreads, columns = values.mean(1), values.std(1), values.mean(0)
    alike = np.ptp(means) < 0.01 and np.ptp(spreads) < 0.01 * spreads.mean()
    return bool(alike and columns.std() > 0.5 * values.std())


def _is_cut_short(found: Survey) -> bool:
    """Whether all rows fill a handful of tokens to the last, so that different texts read alike."""
    tokens = found.inputs
    if tokens.ndim != 2 or not tokens.any():
        return False
    tokens = tokens[:, : int(np.flatnonzero((tokens != 0).any(0))[-1]) + 1]
    if not 2 <= tokens.shape[1] <= SHORT or len(tokens) < 32:
        return False
    padded = (tokens[:, -1] == 0) | (tokens[:, -1] == tokens[:, -2])
    alike = 1 - len(set(found.digests)) / len(found.digests)
    return bool(alike > ALIKE and (padded.mean() < PADDED or _at_odds(found) > AT_ODDS))


def _at_odds(found: Survey) -> float:
    """Of rows that read alike, the share whose label is not the commonest one of them."""
    if found.targets.ndim != 1 or len(found.targets) != len(found.digests):
        return 0.0
    labels: dict[str, Counter[float]] = {}
    for digest, label in zip(found.digests, found.targets.tolist(), strict=True):
        labels.setdefault(digest, Counter())[label] += 1
    repeated = [counts for counts in labels.values() if counts.total() > 1]
    rows = sum(counts.total() for counts in repeated)
    return 1 - sum(max(counts.values()) for counts in repeated) / rows if rows else 0.0


def _squashed(values: npt.NDArray[Any]) -> float:
    """Share of the columns whose range is hundreds of times that of nine in ten of their values."""
    low, high = np.quantile(values, (0.05, 0.95), axis=0)
    usual, whole = high - low, np.ptp(values, axis=0)
    return float((whole > ABSURD * usual)[usual > 0].mean()) if (usual > 0).any() else 0.0


def _scale(values: npt.NDArray[Any]) -> dict[str, float]:
    sizes = np.sqrt((values.astype(np.float64) ** 2).mean(0))
    norms = np.linalg.norm(values, axis=1)
    lively = sizes[sizes > 0]
    return {
        "inputs.low": float(values.min()),
        "inputs.high": float(values.max()),
        "inputs.mean": float(values.mean()),
        "inputs.spread": float(values.std()),
        "inputs.columns": float(values.shape[1]),
        "inputs.largest_column": float(sizes.max()),
        "inputs.smallest_column": float(lively.min()) if lively.size else 0.0,
        "inputs.norm_variation": float(norms.std() / max(norms.mean(), 1e-12)),
    }


@torch.no_grad()
def _rescaled(subject: Subject) -> dict[str, float]:
    """The scale of what reaches the first layer, where the model changes it on the way: by buffers, say."""
    if not subject.batches or not isinstance(subject.batches[0].inputs, torch.Tensor):
        return {}
    given, reached = subject.batches[0].inputs, list[torch.Tensor]()

    def note(_module: nn.Module, inputs: tuple[object, ...]) -> None:
        if inputs and isinstance(inputs[0], torch.Tensor) and not reached:
            reached.append(inputs[0].detach())

    subject.model.eval()
    with hooked(owners(subject.model).values(), before=note):
        subject.calls.raw(subject.batches[0])
    if not reached or reached[0].numel() != given.numel() or not reached[0].is_floating_point():
        return {}
    before, after = (one.flatten(1).float() for one in (given, reached[0]))
    kept = torch.isfinite(after).all(1) & torch.isfinite(before).all(1)
    before, after = before[kept], after[kept]
    if not len(after) or torch.allclose(before.std(), after.std(), rtol=0.1):
        return {}
    return _scale(after.numpy())


def _skew(values: npt.NDArray[Any], other: Survey) -> dict[str, float]:
    """Difference of the means, over the spread; ratio of the spreads. Column by column for tables."""
    held = other.inputs
    if not held.size or held.shape[1] != values.shape[1] or len(held) < 16 or len(values) < 16:
        return {}
    held = held[np.isfinite(held).all(1)]
    spread = float(values.std())
    if not len(held) or not spread:
        return {}
    apart = abs(float(held.mean() - values.mean())) / spread
    ratio = float(held.std()) / spread
    return {"skew.shift": apart, "skew.ratio": max(ratio, 1 / max(ratio, 1e-9))}


def _starts_with_norm(model: nn.Module) -> bool:
    """Whether the first module with parameters normalises whatever comes."""
    first = next((m for m in model.modules() if any(True for _ in m.parameters(recurse=False))), None)
    return isinstance(first, NORMS)
