"""The order in which examples come, and the size of the last batch."""

from __future__ import annotations

import numpy as np
from scipy.stats import spearmanr
from torch.nn.modules.batchnorm import _BatchNorm

from upfit.diagnose.preflight.subject import Subject
from upfit.diagnose.preflight.survey import survey

LOOKED_AT = 512
FEWEST_IN_BATCH, FEWEST_BATCHES = 8, 6
"""Examples of a batch, and batches, from which on their mixture is judged."""


def measure(subject: Subject) -> dict[str, float]:
    """Whether a second pass repeats the order of the first, and whether neighbours share their label.

    `chained` is the share of neighbours with one label beyond what a random order would give, over what is
    possible: 0 for a shuffled set, 1 for a sorted one. Of values it is the rank correlation of neighbours.
    """
    found = subject.surveyed
    if not found.examples:
        return {}
    # Two passes within one block: random states that were put back would repeat any order.
    passes = [survey(subject.calls, subject.train, examples=LOOKED_AT).digests for _ in range(2)]
    same = [a == b for a, b in zip(*passes, strict=False)]
    facts = {"order.repeated": sum(same) / max(1, len(same)), "order.batches": float(len(found.sizes))}
    facts["order.batch"] = float(found.sizes[0])
    if found.whole and len(found.sizes) > 1:
        facts["order.last_batch"] = float(found.sizes[-1])
    facts["order.batch_norms"] = float(any(isinstance(m, _BatchNorm) for m in subject.model.modules()))
    labels = found.answers
    judged = {"classification": _chained, "regression": _correlated}.get(subject.task)
    if labels.ndim == 1 and judged is not None and len(labels) > 2:
        facts["order.chained"] = judged(labels)
    if labels.ndim == 1 and subject.task == "classification":
        facts |= _purity(labels, found.sizes)
    return facts


def _purity(labels: np.ndarray, sizes: list[int]) -> dict[str, float]:
    """Mean share of a batch's commonest class, and that of the commonest class of all."""
    batches = np.split(labels, np.cumsum(sizes)[:-1])
    shares = [_commonest(one) for one in batches if len(one) >= FEWEST_IN_BATCH]
    if len(shares) < FEWEST_BATCHES:
        return {}
    return {"order.purity": float(np.mean(shares)), "order.commonest": _commonest(labels)}


def _commonest(labels: np.ndarray) -> float:
    return float(np.unique(labels, return_counts=True)[1].max() / len(labels))


def _correlated(values: np.ndarray) -> float:
    if not np.isfinite(values).all() or values[1:].std() == 0 or values[:-1].std() == 0:
        return 0.0
    return float(spearmanr(values[1:], values[:-1]).statistic)


def _chained(labels: np.ndarray) -> float:
    shares = np.unique(labels, return_counts=True)[1] / len(labels)
    by_chance = float((shares**2).sum())
    if by_chance >= 1:
        return 0.0
    return (float((labels[1:] == labels[:-1]).mean()) - by_chance) / (1 - by_chance)
