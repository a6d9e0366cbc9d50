"""Labels that are wrong in one direction: sevens called ones, again and again, by whoever gave them.

Models that learn from such labels answer "one, perhaps" to every seven, so that each wrong label looks like a
hard example. Whether a share of a class was given another name, or its examples are in between, is weighed by
evidence: chances of every class to be given every name, uncertain themselves, against one chance for all
pairs. With few rows a class the evidence for single pairs is weak, and they are left alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.special import digamma, gammaln, log_softmax

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

POWERS = (-0.5, 0.0, 0.5, 1.0, 1.5, 2.0)
"""Powers of e: models that learnt wrong labels are less sure than they could be."""
SHARES = (0.02, 0.1, 0.25)
"""Of wrong labels, believed before any was seen."""
HOLD = 10.0
"""Rows of each class that this belief counts as much as."""
PASSES = 15
CLEARLY = 3.0
"""Evidence (natural logarithm of odds) that single pairs need over one chance for all."""
ROWS = 3000
"""Rows that are looked at."""


@dataclass(frozen=True, eq=False)
class Confusions:
    """How often each class is given each name.

    Args:
        factor: What outputs are to be multiplied with.
        logs_KK: Logarithms of the chance that a class (row) is given a name (column).
    """

    factor: float
    logs_KK: Floats

    def beliefs(self, outputs_NK: Floats, labels: Labels) -> Floats:
        """(N, K) chance of each class to be a row's true one, given its label."""
        return _shares(log_softmax(outputs_NK * self.factor, axis=1) + self.logs_KK[:, labels].T)[0]


def label_confusions(outputs_NK: Floats, labels: Labels, factor: float) -> Confusions | None:
    """How classes are mistaken for each other; None where one chance for all pairs explains labels as well.

    Args:
        outputs_NK: (N, K) logits of models that did not learn from a row.
        labels: (N,) given classes, 0 to K-1.
        factor: What outputs are multiplied with where one chance stands for all pairs.

    Source: Dawid, Skene 1979 (confusions of who labels, by EM); Patrini et al. 2017 (of a noisy set);
    MacKay 1992 (evidence).

    >>> rng = np.random.default_rng(0)
    >>> true = np.arange(900) % 3
    >>> given = np.where((true == 2) & (rng.random(900) < 0.3), 0, true)
    >>> outputs = np.log(np.array([[0.98, 0.01, 0.01], [0.01, 0.98, 0.01], [0.3, 0.01, 0.69]]))[true]
    >>> found = label_confusions(outputs + rng.standard_normal((900, 3)), given, 1.0)
    >>> bool(np.exp(found.logs_KK)[2, 0] > 0.1)
    True
    """
    rows = np.random.default_rng(0).permutation(len(labels))[:ROWS]
    outputs, given = outputs_NK[rows], labels[rows]
    even, best = -np.inf, -np.inf
    found: Confusions | None = None
    for power, share in product(POWERS, SHARES):
        sharper = factor * float(np.exp(power))
        logs_NK = log_softmax(outputs * sharper, axis=1)
        prior_KK = _evenly(share, outputs.shape[1])
        even = max(even, float(_shares(logs_NK + np.log(prior_KK)[:, given].T)[1].sum()))
        evidence, logs_KK = _single_pairs(logs_NK, given, HOLD * prior_KK)
        if evidence > best:
            best, found = evidence, Confusions(sharper, logs_KK)
    return found if best > even + CLEARLY else None


def _single_pairs(logs_NK: Floats, labels: Labels, prior_KK: Floats) -> tuple[float, Floats]:
    """(a lower bound of the logarithm of the evidence, expected logarithms of chances): variational Bayes."""
    count, classes = logs_NK.shape
    names = csr_array((np.ones(count), (labels, np.arange(count))), shape=(classes, count))
    logs_KK = np.log(prior_KK / prior_KK.sum(1, keepdims=True))
    counts_KK = prior_KK
    for _ in range(PASSES):
        shares_NK, _ = _shares(logs_NK + logs_KK[:, labels].T)
        counts_KK = prior_KK + (names @ shares_NK).T
        logs_KK = digamma(counts_KK) - digamma(counts_KK.sum(1, keepdims=True))
    told = float(_shares(logs_NK + logs_KK[:, labels].T)[1].sum())
    learnt = float(((counts_KK - prior_KK) * logs_KK).sum() - (_norm(counts_KK) - _norm(prior_KK)).sum())
    return told - learnt, logs_KK


def _evenly(share: float, classes: int) -> Floats:
    """Chances of names where wrong ones are all alike."""
    chances = np.full((classes, classes), share / (classes - 1))
    np.fill_diagonal(chances, 1 - share)
    return chances


def _shares(logs_NK: Floats) -> tuple[Floats, Floats]:
    """Rows of exponentials that sum to 1, and the logarithms of what they summed to."""
    highest = logs_NK.max(1, keepdims=True)
    weights = np.exp(logs_NK - highest)
    sums = weights.sum(1, keepdims=True)
    return weights / sums, np.asarray((np.log(sums) + highest)[:, 0])


def _norm(counts_KK: Floats) -> Floats:
    """Logarithm of each Dirichlet's normaliser."""
    return np.asarray(gammaln(counts_KK).sum(1) - gammaln(counts_KK.sum(1)))
