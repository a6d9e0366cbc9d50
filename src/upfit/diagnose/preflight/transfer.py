"""Does what relates inputs and labels in training examples hold in validation examples?"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from upfit.diagnose.preflight.rows import codes_in, some_rows
from upfit.diagnose.preflight.subject import Subject

FEWEST, FEWEST_HELD = 100, 50


def measure(subject: Subject) -> dict[str, float]:
    """A forest taught by training examples, asked about those it had not drawn, and about validation.

    `renamed` is its score on validation where each class may have another number: as high as on training
    examples where classes were numbered in each part by itself. Scores are means over classes, since parts
    may be mixed otherwise on purpose. Of texts it reads how often each token occurs.
    """
    train, held = subject.surveyed, subject.surveyed_validation
    if train.tokens != held.tokens or not train.examples or not held.examples:
        return {}
    size = codes_in(train, held) if train.tokens else 0
    own, other = some_rows(train, size), some_rows(held, size)
    same = own is not None and other is not None and own[0].shape[1] == other[0].shape[1]
    if subject.task != "classification" or not same or own is None or other is None:
        return {}
    if len(own[1]) < FEWEST or len(other[1]) < FEWEST_HELD:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _forest(own, other)


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
