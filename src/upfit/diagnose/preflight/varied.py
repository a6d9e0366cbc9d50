"""Does what is learnt from varied training examples still hold for plain ones?"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from upfit.diagnose.preflight.asking import alike, can_be_asked
from upfit.diagnose.preflight.calls import tensors_in
from upfit.diagnose.preflight.subject import Subject

ROWS = 16
MOST = 600
FEWEST = 100


def measure(subject: Subject) -> dict[str, float]:
    """A small model taught by half of the validation examples, beside one taught by the training examples.

    Training examples are more, and are drawn from the same source. Where they teach less about the other half
    of the validation examples, something is done to them that changes what they show: where they differ from
    pass to pass, that is the augmentation.
    """
    varies = _varies(subject)
    if varies is None:
        return {}
    facts = {"augment.varies": float(varies)}
    train, held = subject.surveyed, subject.surveyed_validation
    same_kind = train.inputs.ndim == held.inputs.ndim == 2 and train.inputs.shape[1] == held.inputs.shape[1]
    if not varies or subject.task != "classification" or train.tokens or not same_kind:
        return facts
    taught, asked = _classes(train.targets), _classes(held.targets)
    if taught.ndim != 1 or asked.ndim != 1 or len(asked) < FEWEST or len(taught) < len(asked):
        return facts
    return facts | _taught(_part(train.inputs, taught), _part(held.inputs, asked))


def _classes(targets: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Of shares of classes, as mixing examples makes them, the largest."""
    if targets.ndim == 2 and targets.shape[1] > 1 and np.allclose(targets.sum(1), 1, atol=1e-3):
        largest: npt.NDArray[Any] = targets.argmax(1)
        return largest
    return targets


def _varies(subject: Subject) -> bool | None:
    """Whether the same examples come out differently the second time; None where they cannot be asked for."""
    loader = subject.train
    dataset: Any = getattr(loader, "dataset", None)
    collate = getattr(loader, "collate_fn", None)
    if not can_be_asked(dataset) or collate is None:
        return None
    rows = range(min(ROWS, len(dataset)))
    one, again = (
        tensors_in(subject.calls.split(collate([dataset[row] for row in rows])).inputs) for _ in (1, 2)
    )
    return not alike(one, again)


def _part(x: npt.NDArray[Any], y: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    chosen = np.random.default_rng(0).permutation(len(y))[:MOST]
    return x[chosen], y[chosen]


def _taught(
    train: tuple[npt.NDArray[Any], npt.NDArray[Any]], held: tuple[npt.NDArray[Any], npt.NDArray[Any]]
) -> dict[str, float]:
    from sklearn.ensemble import RandomForestClassifier

    x, y = held
    half = np.arange(len(y)) % 2 == 0
    plain, varied = np.empty(len(y), bool), np.empty(len(y), bool)
    taught = RandomForestClassifier(50, random_state=0, min_samples_leaf=2).fit(*train)
    varied[:] = taught.predict(x) == y
    for part in (half, ~half):
        own = RandomForestClassifier(50, random_state=0, min_samples_leaf=2).fit(x[~part], y[~part])
        plain[part] = own.predict(x[part]) == y[part]
    gain = plain.astype(float) - varied
    return {
        "augment.taught_plain": float(plain.mean()),
        "augment.taught_varied": float(varied.mean()),
        "augment.taught_error": float(gain.std() / np.sqrt(len(gain))),
    }
