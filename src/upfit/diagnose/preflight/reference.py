"""A small reference: what a plain model makes of the same inputs and labels, and how noisy they look."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from upfit.diagnose.preflight.rows import codes_in, drawn, narrowed, some_rows
from upfit.diagnose.preflight.subject import Subject
from upfit.diagnose.preflight.survey import Survey

if TYPE_CHECKING:
    from sklearn.base import ClassifierMixin

FEWEST = 60
FEWEST_HELD = 30
NEIGHBOURS = 15
TOLD = 0.2
"""Above guessing: what the tokens of a text have to tell, for the text to be judged by them."""
LITTLE = 0.75
"""Accuracy below which validation examples are asked whether they can be learnt any better."""
MOST_VALUES = 8
"""Values to predict at once: more (an image, say) would take a forest too long."""


def measure(subject: Subject) -> dict[str, float]:
    """Cross-validated score of a random forest on the raw inputs, against guessing and shuffled labels.

    It reads the inputs as the loader gives them, so it shows what is in them for a model to find: a network
    that stays below it has a fault of its own. For language models: how well the present token predicts the
    next. For texts: which tokens they hold, where that tells a good deal.
    """
    found = subject.surveyed
    if subject.task == "language_model":
        return _bigrams(found.inputs, found.targets)
    if found.tokens and subject.task == "classification":
        return _of_tokens(found)
    x, y = found.inputs, found.targets
    if found.tokens or x.ndim != 2 or len(x) != len(y) or len(x) < FEWEST or subject.task == "multilabel":
        return {}
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    elif y.ndim == 2 and subject.task == "classification":
        y = y.argmax(1)
    kept = np.isfinite(x).all(1) & np.isfinite(y.astype(float)).reshape(len(y), -1).all(1) if y.size else []
    x, y = x[kept], y[kept]
    several = y.ndim == 2 and subject.task == "regression" and y.shape[1] <= MOST_VALUES
    # One value several times is asked for its quantiles, which are not judged by how near they come to it.
    copied = several and bool((y == y[:, :1]).all())
    if not (y.ndim == 1 or several) or copied or len(y) < FEWEST:
        return {}
    x, y = drawn(_light(x), y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if subject.task == "regression":
            facts = _regression(x, y)
        else:
            x, y = _of_common_classes(x, y)
            facts = _classification(x, y, _forest())
            facts |= _noise(x, y) if facts else {}
        score = facts.get("reference.score", 1.0)
        little = subject.task == "classification" and score < LITTLE
        says_nothing = score <= 1.05 * facts.get("reference.by_luck", 0.0)
        return facts | (_held(subject) if says_nothing or little else {})


def _of_tokens(found: Survey) -> dict[str, float]:
    """The score of what counts tokens; nothing where it says little, as where their order is all there is."""
    from sklearn.naive_bayes import ComplementNB

    read = some_rows(found, codes_in(found))
    if read is None or len(read[1]) < FEWEST:
        return {}
    counted, y = read
    facts = _classification(*_of_common_classes(counted, y), ComplementNB())
    return facts if facts.get("reference.score", 0.0) > facts.get("reference.chance", 0.0) + TOLD else {}


def _held(subject: Subject) -> dict[str, float]:
    """The same within the validation examples: is it the task that cannot be learnt, or these labels?"""
    found = subject.surveyed_validation
    x, y = found.inputs, found.answers
    if x.ndim != 2 or y.ndim != 1 or not FEWEST_HELD <= len(y) == len(x) or not np.isfinite(x).all():
        return {}
    if subject.task == "regression":
        facts = _regression(*drawn(_light(x), y)) if np.isfinite(y).all() else {}
    else:
        common = _of_common_classes(*drawn(_light(x), y))
        facts = _classification(*common, _forest(), fewest=FEWEST_HELD)
    known = {name: facts.get(f"reference.{name}", np.nan) for name in ("score", "by_luck")}
    return {f"reference.held_{name}": value for name, value in known.items()}


def _light(x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return narrowed(x).astype(np.float32)


def _regression(x: npt.NDArray[Any], y: npt.NDArray[Any]) -> dict[str, float]:
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.metrics import r2_score
    from sklearn.model_selection import cross_val_predict

    if y.std() == 0:
        return {}
    forest = RandomForestRegressor(30, random_state=0, min_samples_leaf=2)
    said = cross_val_predict(forest, x, y, cv=3)
    return {
        "reference.score": float(r2_score(y, said)),
        "reference.chance": 0.0,
        "reference.by_luck": _by_luck(lambda other: r2_score(other, said), y),
    }


def _forest() -> ClassifierMixin:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(50, random_state=0, min_samples_leaf=2)


def _of_common_classes(x: npt.NDArray[Any], y: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Rows of classes with three rows and more, one for each fold; classes counted from 0."""
    _, place, counts = np.unique(y, return_inverse=True, return_counts=True)
    kept = (counts >= 3)[place]
    return x[kept], np.unique(y[kept], return_inverse=True)[1]


def _classification(
    x: npt.NDArray[Any], y: npt.NDArray[Any], model: ClassifierMixin, *, fewest: int = FEWEST
) -> dict[str, float]:
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    if len(y) < fewest or not y.any():
        return {}
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    chances = cross_val_predict(model, x, y, cv=folds, method="predict_proba")
    guess = chances.argmax(1)
    facts = {
        "reference.score": float((guess == y).mean()),
        "reference.chance": float(np.bincount(y).max() / len(y)),
        "reference.by_luck": _by_luck(lambda other: (guess == other).mean(), y),
        "reference.examples": float(len(y)),
    }
    return facts | _balanced(chances, y)


def _balanced(chances: npt.NDArray[Any], y: npt.NDArray[Any]) -> dict[str, float]:
    """The mean over classes of how many are found, classes being equally likely; and the same by luck.

    Where nearly all examples are of one class, guessing that one is right as often as anything else, and
    says nothing about whether labels and inputs are related.
    """
    from sklearn.metrics import balanced_accuracy_score

    guess = (chances / np.bincount(y)).argmax(1)
    return {
        "reference.balanced_score": float(balanced_accuracy_score(y, guess)),
        "reference.balanced_by_luck": _by_luck(lambda other: balanced_accuracy_score(other, guess), y),
    }


def _by_luck(score: Callable[[npt.NDArray[Any]], float], y: npt.NDArray[Any]) -> float:
    """The score that the same guesses reach on shuffled labels, at its 99th percentile: no signal at all."""
    random = np.random.default_rng(0)
    return float(np.quantile([score(random.permutation(y)) for _ in range(200)], 0.99))


def _noise(x: npt.NDArray[Any], y: npt.NDArray[Any]) -> dict[str, float]:
    """Among examples whose neighbours clearly agree on a class: the share that is labelled otherwise.

    Errors at a border between classes come with divided neighbours; wrong labels do not. (After confident
    learning, Northcutt et al. 2021, with neighbours' votes for out-of-fold predictions.)
    """
    from sklearn.decomposition import PCA
    from sklearn.neighbors import NearestNeighbors

    classes = int(y.max()) + 1
    if len(y) < 10 * NEIGHBOURS or classes < 3:
        return {}
    x = (x - x.mean(0)) / (x.std(0).mean() + 1e-9)
    if x.shape[1] > 32:
        x = PCA(32, random_state=0).fit_transform(x)
    near = NearestNeighbors(n_neighbors=NEIGHBOURS + 1).fit(x).kneighbors(x, return_distance=False)[:, 1:]
    votes = np.stack([(y[near] == k).mean(1) for k in range(classes)], 1)
    ranked = np.sort(votes, 1)
    clear = (ranked[:, -1] >= 0.4) & (ranked[:, -1] >= 2.5 * ranked[:, -2])
    if clear.sum() < 50:
        return {"reference.clear_share": float(clear.mean())}
    wrong = votes.argmax(1)[clear] != y[clear]
    return {"reference.clear_share": float(clear.mean()), "reference.contradicted": float(wrong.mean())}


def _bigrams(tokens: npt.NDArray[Any], targets: npt.NDArray[Any]) -> dict[str, float]:
    """Cross-entropy (nats) and accuracy of predicting the next token from the present one alone."""
    if tokens.ndim != 2 or not tokens.size:
        return {}
    tokens = tokens.astype(np.int64)
    following = targets.astype(np.int64) if targets.shape == tokens.shape else tokens[:, 1:]
    present = tokens if targets.shape == tokens.shape else tokens[:, :-1]
    if (following == present).mean() > 0.9:
        following, present = tokens[:, 1:], tokens[:, :-1]
    size = int(max(tokens.max(), following.max())) + 1
    if size > 2048 or following.min() < 0:
        return {}
    half = max(1, len(present) // 2)
    counts = np.full((size, size), 0.01)
    np.add.at(counts, (present[:half].ravel(), following[:half].ravel()), 1)
    held_present, held_next = present[half:].ravel(), following[half:].ravel()
    if not held_present.size:
        return {}
    shares = counts / counts.sum(1, keepdims=True)
    alone = counts.sum(0) / counts.sum()
    return {
        "reference.loss": float(-np.log(shares[held_present, held_next]).mean()),
        "reference.unigram_loss": float(-np.log(alone[held_next]).mean()),
        "reference.score": float((counts.argmax(1)[held_present] == held_next).mean()),
        "reference.chance": float((held_next == alone.argmax()).mean()),
    }
