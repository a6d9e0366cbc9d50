"""Why single rows are wrong: the label may be, two classes may both fit, or the row is hard."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from upfit.audit.finding import of_rows, some, times
from upfit.diagnose.mistakes.judged import Judged
from upfit.values import Action, Finding

SURE, RULED_OUT = 0.9, 0.02
"""Probability of the answer, and of the given label, beyond which the label is the one to doubt."""
CLOSE = 0.2
"""Two answers this close in probability: both fit."""


def kinds(judged: Judged) -> tuple[Finding, ...]:
    """Wrong rows in three groups: suspected label noise, ambiguous, hard."""
    if not judged.subject.single_class or not judged.wrong.any():
        return ()
    noise, ambiguous = groups(judged.predictions.scores, judged.predictions.targets)
    hard = judged.wrong & ~noise & ~ambiguous
    return tuple(
        one
        for one in (_noise(judged, noise), _ambiguous(judged, ambiguous), _hard(judged, hard))
        if one is not None
    )


def groups(
    scores_NK: npt.NDArray[np.float32], targets: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """(N,) suspected label noise and (N,) ambiguous, among wrong answers.

    Args:
        scores_NK: Class probabilities.
        targets: (N,) given classes.
    """
    count = np.arange(len(targets))
    own, best = scores_NK[count, targets], scores_NK.max(1)
    wrong = scores_NK.argmax(1) != targets
    noise = wrong & (best >= SURE) & (own <= RULED_OUT)
    second = np.partition(scores_NK, -2, axis=1)[:, -2]
    return noise, wrong & ~noise & (best - second <= CLOSE) & (own >= second - 1e-6)


def _noise(judged: Judged, mask: npt.NDArray[np.bool_]) -> Finding | None:
    places = _worst(judged, mask)
    if not len(places):
        return None
    classes = judged.subject.data.schema.classes
    to = [classes[int(judged.predictions.scores[place].argmax())] for place in places]
    relabel = Action(
        do="relabel",
        column=judged.subject.data.schema.target[0],
        rows=tuple(judged.rows[places].tolist()),
        to=to,
        because="the model is sure of another class; look before you believe it",
    )
    message = f"{times(len(places), 'validation label')} may be wrong: the model is sure of another class"
    return _finding(judged, "suspected_labels", message, places).replace(
        actions=(relabel,), advice="look at them; wrong labels in validation hide what a model can do"
    )


def _ambiguous(judged: Judged, mask: npt.NDArray[np.bool_]) -> Finding | None:
    places = _worst(judged, mask)
    if not len(places):
        return None
    pairs = _pairs(judged, mask)
    message = f"{times(len(places), 'error')} between two answers that both seemed to fit: {some(pairs, 3)}"
    advice = "write down what sets these classes apart, or merge them"
    return _finding(judged, "ambiguous_examples", message, places).replace(advice=advice)


def _hard(judged: Judged, mask: npt.NDArray[np.bool_]) -> Finding | None:
    places = _worst(judged, mask)
    if not len(places):
        return None
    errors = times(len(places), "error that is", "errors that are")
    message = f"{errors} neither: the model has more to learn from rows like these"
    advice = "collect rows like these; tune longer or take a stronger backbone"
    return _finding(judged, "hard_examples", message, places).replace(advice=advice)


def pairs(judged: Judged) -> tuple[Finding, ...]:
    """The confusions that make up most errors."""
    if not judged.subject.single_class or judged.wrong.sum() < 5:
        return ()
    named = _pairs(judged, judged.wrong)
    places = _worst(judged, judged.wrong)
    message = f"most errors: {some(named, 4)}"
    found = _finding(judged, "confusions", message, places)
    return (found.replace(examples=tuple(named[:12]), advice="collect examples that show the difference"),)


def _pairs(judged: Judged, mask: npt.NDArray[np.bool_]) -> list[str]:
    """Confused pairs in words, the most frequent first."""
    classes, targets = judged.subject.data.schema.classes, judged.predictions.targets
    said = judged.predictions.scores.argmax(1)
    found, counts = np.unique(np.stack([targets[mask], said[mask]]), axis=1, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return [
        f"{classes[int(found[0, k])]} called {classes[int(found[1, k])]} "
        f"({counts[k]} of {(targets == found[0, k]).sum()})"
        for k in order
    ]


def _worst(judged: Judged, mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    places = np.flatnonzero(mask)
    return np.asarray(places[np.argsort(-judged.losses[places], kind="stable")])


def _finding(judged: Judged, kind: str, message: str, places: npt.NDArray[np.int64]) -> Finding:
    return of_rows(
        judged.subject,
        kind,
        "info",
        message,
        rows=judged.rows[places],
        scores=judged.losses[places],
        examples=[judged.named(int(place)) for place in places],
        share=len(places) / len(judged.rows),
    )
