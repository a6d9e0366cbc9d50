"""Rows that a budget affords: a million rows do not go into a minute, and saying so beats overrunning."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from upfit.models import Backbone
from upfit.train.infer import outputs
from upfit.train.workbench import Workbench
from upfit.values import Finding, Rows, Split

SHARES = {"train": 0.25, "validation": 0.06, "test": 0.12}
"""Greatest part of the time left that one forward pass over a part may take."""
LEAST = 1000
"""Parts are never cut below so many rows: a busy machine must not turn small data into tiny data."""
TRIED = 64


def may_cut(split: Split) -> bool:
    """Whether any part is so large that a budget might cut it; else nothing needs to be measured."""
    return any(len(getattr(split, part)) > LEAST for part in SHARES)


def seconds_per_example(bench: Workbench, backbone: Backbone, *, tried: int = TRIED) -> float:
    """One forward pass per example, preparation included: the faster of two tries on some training rows."""
    tries = []
    for start in (0, tried):
        rows = bench.split.train[start : start + tried]
        if len(rows):
            began = time.monotonic()
            outputs(backbone, bench.evaluation_loader(bench.examples(backbone, rows)), bench.world)
            tries.append((time.monotonic() - began) / len(rows))
    return min(tries)


def affordable(split: Split, *, seconds: float, left: float, seed: int) -> tuple[Split, tuple[Finding, ...]]:
    """The split, its parts cut down to random samples where a pass over them would take too long.

    Args:
        split: As made.
        seconds: One forward pass per example.
        left: Seconds of the budget that are left.
        seed: Decides the samples.

    Returns:
        The split to work with, and a Finding for each part that was cut.
    """
    findings = []
    for part, share in SHARES.items():
        rows: Rows = getattr(split, part)
        most = max(LEAST, int(share * left / seconds))
        if len(rows) > most:
            kept = np.sort(np.random.default_rng(seed).permutation(rows)[:most])
            how = f"{split.how}; {most:,} of {len(rows):,} {part} rows"
            split = replace(split, **{part: kept}, how=how)
            text = (
                f"the budget affords {most:,} of {len(rows):,} {part} rows; a random sample of them is used"
            )
            findings.append(Finding(kind="budget_sample", severity="warning", message=text))
    return split, tuple(findings)
