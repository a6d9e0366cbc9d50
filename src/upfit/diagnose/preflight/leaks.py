"""Examples that are in both splits, and single columns that give the answer away."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from upfit.diagnose.preflight.subject import Subject
from upfit.diagnose.preflight.survey import Survey

FEWEST = 50
BLOCKS = 16
"""Pieces that a column is cut into."""
ENDLESS = 1e12
NEARLY = 0.9
"""From which share on a column is asked whether it tells as much in validation."""


def measure(subject: Subject) -> dict[str, float]:
    """Share of validation examples that are also training examples; the best single column."""
    train, held = subject.surveyed, subject.surveyed_validation
    facts: dict[str, float] = {"validation.examples": float(held.examples)} if held.examples else {}
    if train.digests and held.digests:
        known = set(train.digests)
        facts["leaks.shared"] = sum(one in known for one in held.digests) / len(held.digests)
        facts["leaks.distinct"] = len(set(held.digests)) / len(held.digests)
        # An unshuffled look at a part of the training set may miss shared examples, never invent them.
        facts["leaks.whole"] = float(train.whole)
        if facts["leaks.shared"]:
            facts["leaks.room"] = _room(train)
            facts["leaks.repeated"] = _repeated(train)
            facts["leaks.repeats_differ"] = _repeats_differ(train)
    return facts | _single_column(subject)


def _repeated(found: Survey) -> float:
    """Share of rows that are there more than once."""
    counts = Counter(found.digests)
    return sum(count for count in counts.values() if count > 1) / len(found.digests)


def _repeats_differ(found: Survey) -> float:
    """Share of the rows that are there more than once whose target is not the commonest of such rows."""
    targets: dict[Any, Counter[Any]] = defaultdict(Counter)
    if found.targets.ndim != 1 or len(found.targets) != len(found.digests):
        return 0.0
    for digest, target in zip(found.digests, found.targets.tolist(), strict=True):
        targets[digest][target] += 1
    again = [known for known in targets.values() if known.total() > 1]
    differ = sum(known.total() - max(known.values()) for known in again)
    return differ / max(1, sum(known.total() for known in again))


def _room(found: Survey) -> float:
    """How many different rows the values of each column could make, for each row there is."""
    if found.inputs.ndim != 2 or not found.inputs.size or not np.isfinite(found.inputs).all():
        return ENDLESS
    logarithm = 0.0
    for column in found.inputs.T:
        logarithm += math.log(len(np.unique(column)))
        if logarithm > math.log(ENDLESS):
            return ENDLESS
    return math.exp(logarithm) / len(found.inputs)


def _single_column(subject: Subject) -> dict[str, float]:
    """How well the best single column tells the target, beside the second best."""
    found = subject.surveyed
    x, y = found.inputs, found.answers
    is_table = len(found.shape) == 1 and not found.tokens
    if not is_table or subject.task == "multilabel" or y.ndim != 1 or len(y) < FEWEST or x.shape[1] < 3:
        return {}
    if x.shape[1] > 512 or len(x) != len(y) or not np.isfinite(x).all() or not np.isfinite(y).all():
        return {}
    if subject.task == "regression":
        scores = sorted((_correlation(x[:, i], y) for i in range(x.shape[1])), reverse=True)
        return {"leaks.best_column": scores[0], "leaks.second_column": scores[1]}
    shares = [_stump(x[:, i], y) for i in range(x.shape[1])]
    scores = sorted(shares, reverse=True)
    alone = _told_there_only(subject, int(np.argmax(shares))) if scores[0] >= NEARLY else {}
    return alone | {
        "leaks.best_column": scores[0],
        "leaks.second_column": scores[1],
        "leaks.spelt_out": float(_spelt_out(x, y)),
    }


def _correlation(column: np.ndarray, values: np.ndarray) -> float:
    """Spearman's rank correlation, without its sign."""
    if column.std() == 0 or values.std() == 0:
        return 0.0
    # Equal values share a rank: by order of rows a column of two values would follow sorted targets.
    return abs(float(spearmanr(column, values).statistic))


def _spelt_out(x: np.ndarray, labels: np.ndarray) -> bool:
    """Whether for each of three classes or more a column of two values says if it is this one."""
    low, high = x.min(0), x.max(0)
    of_two = (high > low) & ((x == low) | (x == high)).all(0)
    flags = (x == high)[:, of_two]
    classes = np.unique(labels)
    told = [bool(len(flags.T)) and bool(((labels == k) == flags.T).all(1).any()) for k in classes]
    return len(classes) > 2 and all(told)


def _told_there_only(subject: Subject, column: int) -> dict[str, float]:
    """How well a column tells the class in training examples, and what the same borders say in validation.

    Each class counts as much as another: where nearly all are of one, naming that one is right as often,
    and says nothing about a validation part that is mixed otherwise.
    """
    from sklearn.metrics import balanced_accuracy_score
    from sklearn.tree import DecisionTreeClassifier

    train, held = subject.surveyed, subject.surveyed_validation
    x, y = held.inputs, held.answers
    if x.ndim != 2 or x.shape[1] != train.inputs.shape[1] or y.ndim != 1 or not FEWEST <= len(y) == len(x):
        return {}
    own, other = train.inputs[:, [column]], x[:, [column]]
    if not np.isfinite(other).all() or not np.isfinite(y).all():
        return {}
    truth = train.targets.reshape(-1)
    tree = DecisionTreeClassifier(max_leaf_nodes=BLOCKS, min_samples_leaf=5, random_state=0)
    tree.fit(own, truth)
    return {
        "leaks.told": float(balanced_accuracy_score(truth, tree.predict(own))),
        "leaks.told_held": float(balanced_accuracy_score(y, tree.predict(other))),
    }


def _stump(column: np.ndarray, labels: np.ndarray) -> float:
    """Share of examples whose class is the commonest among their sixteen neighbours along one column."""
    order = np.argsort(column, kind="stable")
    ordered, sorted_column = labels[order], column[order]
    cuts = np.flatnonzero(np.diff(sorted_column) > 0) + 1
    blocks = np.split(ordered, cuts[:: max(1, len(cuts) // BLOCKS)]) if len(cuts) else [ordered]
    right = sum(int(np.unique(block, return_counts=True)[1].max()) for block in blocks if len(block))
    return right / len(labels)
