"""What the activations of a network do on some examples: units that never fire, ends of ranges."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

import torch

FIRES = 0.01
"""A unit that is above zero on fewer examples than that is dead (on at least 256 examples)."""
NEAR_END = 0.01
ORDINARY = 1e4
"""Outputs that nothing overflows beside."""


class Looked:
    """What activations did on some examples."""

    def __init__(self) -> None:
        self.examples = 0
        self.raw: list[Any] = []
        self.kinds: defaultdict[str, int] = defaultdict(int)
        self.largest = 0.0
        self.undefined = False
        self.means: dict[str, float] = {}
        self.spreads: dict[str, float] = {}
        self._fired: dict[str, torch.Tensor] = {}
        self._ends: dict[str, list[float]] = defaultdict(list)

    @property
    def dead(self) -> dict[str, float]:
        """Rectifier → fraction of its units that fire on fewer than 1 % of the examples."""
        least = max(1.0, FIRES * self.examples)
        return {name: float((fired < least).float().mean()) for name, fired in self._fired.items()}

    @property
    def saturated(self) -> dict[str, float]:
        """Sigmoid or tanh, soft or hard → fraction of its outputs at an end of its range."""
        return {name: sum(shares) / len(shares) for name, shares in self._ends.items()}

    def note(self, kind: str, name: str, output: torch.Tensor) -> None:
        """Take in one activation's output for one batch."""
        self.kinds[kind] += 1
        output = output.float()
        self.means[name], self.spreads[name] = float(output.mean()), float(output.std())
        self.largest = (
            max(self.largest, float(output.abs().max())) if bool(torch.isfinite(output).all()) else math.inf
        )
        self.undefined = self.undefined or _is_undefined(output)
        if kind == "relu" and output.ndim >= 2:
            fired = _units(output)
            kept = self._fired.get(name)
            self._fired[name] = fired if kept is None or kept.shape != fired.shape else kept + fired
        elif kind in ("hardtanh", "hardsigmoid"):
            # Their ends are reached, whatever limits they were given. A lower one of nought, as ReLU6 has it,
            # is where a rectifier rests.
            rests = kind == "hardtanh" and float(output.min()) >= 0
            ends = output == output.max()
            ends = ends if rests else ends | (output == output.min())
            self._ends[name].append(float(ends.float().mean()))
        elif kind in ("sigmoid", "tanh"):
            low = 0.0 if kind == "sigmoid" else -1.0
            share = (output - low) / (1.0 - low)
            self._ends[name].append(float(((share < NEAR_END) | (share > 1 - NEAR_END)).float().mean()))


def _units(output: torch.Tensor) -> torch.Tensor:
    """On how many examples each unit is above zero; a channel of an image fires if it does anywhere."""
    fires = output > 0
    if fires.ndim > 2:
        fires = fires.flatten(2).any(2) if fires.ndim == 4 else fires.flatten(1, -2).any(1)
    return fires.sum(0)


def _is_undefined(output: torch.Tensor) -> bool:
    """Whether some of it is no number though nothing is large: nought was divided by nought, say."""
    missing = output.isnan()
    others = output[~missing]
    return bool(missing.any()) and others.numel() > 0 and float(others.abs().max()) < ORDINARY
