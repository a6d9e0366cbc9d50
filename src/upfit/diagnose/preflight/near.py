"""Examples of validation that are training examples but for a little noise."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from upfit.diagnose.preflight.rows import narrowed
from upfit.diagnose.preflight.subject import Subject
from upfit.diagnose.preflight.survey import Survey

FEWEST, FEWEST_HELD, MOST_HELD = 100, 30, 200
NARROWEST = 3
"""Numbers for each example: on a line or a plane the nearest may be far nearer than the next by chance."""
NEIGHBOURS = 9
JUMP = 0.25
"""Of the distance to the next neighbour: so near are copies, and nothing else."""


def measure(subject: Subject) -> dict[str, float]:
    """Share of validation examples with training examples far nearer than any others.

    Distances to the nearest, the next and so on grow little by little where examples were drawn one by one.
    Where each was varied several times before the parts were drawn, they jump.
    """
    train, held = _rows(subject.surveyed), _rows(subject.surveyed_validation)
    if train is None or held is None or train.shape[1] != held.shape[1]:
        return {}
    if len(train) < FEWEST or len(held) < FEWEST_HELD or train.shape[1] < NARROWEST:
        return {}
    from sklearn.neighbors import NearestNeighbors

    kept = np.random.default_rng(0).permutation(len(held))[:MOST_HELD]
    spread = np.where(train.std(0) > 0, train.std(0), 1.0)
    near = NearestNeighbors(n_neighbors=NEIGHBOURS).fit(train / spread)
    apart, _ = near.kneighbors(held[kept] / spread)
    # Those that are the same to the last digit are counted elsewhere.
    distinct = apart[:, 0] > 0
    jumps = apart[:, :-1] / np.maximum(apart[:, 1:], 1e-12)
    return {"leaks.near": float((distinct & (jumps.min(1) < JUMP)).mean())}


def _rows(found: Survey) -> npt.NDArray[np.float32] | None:
    if found.tokens or found.inputs.ndim != 2 or not np.isfinite(found.inputs).all():
        return None
    return narrowed(found.inputs).astype(np.float32)
