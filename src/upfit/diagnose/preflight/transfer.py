"""Does what relates inputs and labels in training examples hold in validation examples?"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from upfit.diagnose.preflight.subject import Subject
from upfit.diagnose.preflight.survey import Survey

FEWEST, MOST = 100, 600
FEWEST_HELD = 50
WIDEST = 1024
MOST_TOKENS = 2048


def measure(subject: Subject) -> dict[str, float]:
    """A forest taught by training examples, asked about those it had not drawn, and about validation.

    `renamed` is its score on validation where each class may have another number: as high as on training
    examples where classes were numbered in each part by itself. Scores are means over classes, since parts
    may be mixed otherwise on purpose. Of texts it reads how often each token occurs.
    """
    train, held = subject.surveyed, subject.surveyed_validation
    if train.tokens != held.tokens or not train.examples or not held.examples:
        return {}
    size = _tokens(train, held) if train.tokens else 0
    own, other = _rows(train, size), _rows(held, size)
    same = own is not None and other is not None and own[0].shape[1] == other[0].shape[1]
    if subject.task != "classification" or not same or own is None or other is None:
        return {}
    if len(own[1]) < FEWEST or len(other[1]) < FEWEST_HELD:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _forest(own, other)


def _tokens(*parts: Survey) -> int:
    """Codes that are counted: the commonest have the lowest numbers, as a rule."""
    return min(MOST_TOKENS, 1 + max(int(one.inputs.max(initial=0)) for one in parts))


def _rows(found: Survey, tokens: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any]] | None:
    """Inputs and labels of some examples; of tokens, 1 to `tokens` - 1, how often each occurs."""
    x, y = found.inputs, found.targets
    y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    if x.ndim != 2 or y.ndim != 1 or len(x) != len(y) or not len(y) or not np.isfinite(x).all():
        return None
    chosen = np.random.default_rng(0).permutation(len(y))[:MOST]
    x, y = x[chosen], y[chosen]
    if tokens:
        codes = x.astype(np.int64).clip(0, tokens - 1)
        # The lowest code is padding, as a rule.
        return np.stack([np.bincount(row, minlength=tokens)[1:] for row in codes]), y
    return x[:, :: max(1, x.shape[1] // WIDEST)], y


def _forest(
    own: tuple[npt.NDArray[Any], npt.NDArray[Any]], other: tuple[npt.NDArray[Any], npt.NDArray[Any]]
) -> dict[str, float]:
    from scipy.optimize import linear_sum_assignment
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.metrics import balanced_accuracy_score, confusion_matrix

    classes = np.unique(own[1])
    if len(classes) < 2 or len(classes) > len(own[1]) // 5:
        return {}
    forest = RandomForestClassifier(50, random_state=0, min_samples_leaf=2, oob_score=True).fit(*own)
    unseen = classes[np.nan_to_num(forest.oob_decision_function_).argmax(1)]
    guess, truth = forest.predict(other[0]), other[1]
    counts = confusion_matrix(truth, guess).astype(float)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    there = int((counts.sum(1) > 0).sum())
    return {
        "transfer.own": float(balanced_accuracy_score(own[1], unseen)),
        "transfer.held": float(balanced_accuracy_score(truth, guess)),
        "transfer.renamed": float(shares[linear_sum_assignment(-shares)].sum() / max(1, there)),
        "transfer.classes": float(len(classes)),
    }
