"""Why single rows are wrong: the label may be, two classes may both fit, or the row is hard."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from upfit.audit.finding import some, times
from upfit.diagnose.mistakes.confusions import merges, named_pairs
from upfit.diagnose.mistakes.group import finding_of, worst
from upfit.diagnose.mistakes.judged import Judged
from upfit.diagnose.mistakes.proposals import (
    collect,
    larger_pictures,
    more_learning,
    smoother_labels,
)
from upfit.values import Action, Finding

SURE, RULED_OUT = 0.9, 0.02
"""Probability of the answer, and of the given label, beyond which the label is the one to doubt."""
CLOSE = 0.2
"""Two answers this close in probability: both fit."""


def kinds(judged: Judged) -> tuple[Finding, ...]:
    """Wrong rows in three groups: suspected label noise, ambiguous, hard."""
    if not judged.wrong.any():
        return ()
    if not judged.subject.single_class:
        return tuple(one for one in (_hard(judged, judged.wrong),) if one is not None)
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
    places = worst(judged, mask)
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
        doubtful=True,
    )
    message = f"{times(len(places), 'validation label')} may be wrong: the model is sure of another class"
    return finding_of(judged, "suspected_labels", message, places).replace(
        actions=(relabel,), advice="look at them; wrong labels in validation hide what a model can do"
    )


def _ambiguous(judged: Judged, mask: npt.NDArray[np.bool_]) -> Finding | None:
    places = worst(judged, mask)
    if not len(places):
        return None
    pairs = named_pairs(judged, mask)
    message = f"{times(len(places), 'error')} between two answers that both seemed to fit: {some(pairs, 3)}"
    found = finding_of(judged, "ambiguous_examples", message, places)
    return found.replace(
        cures=smoother_labels(judged, "two classes both seem to fit"),
        actions=merges(judged, mask)
        or (collect(judged, "they lie between two classes", rows=judged.rows[places]),),
        advice="write down what sets these classes apart, or merge them",
    )


def _hard(judged: Judged, mask: npt.NDArray[np.bool_]) -> Finding | None:
    places = worst(judged, mask)
    if not len(places):
        return None
    errors = times(len(places), "error that is neither", "errors that are neither")
    if not judged.subject.single_class:
        errors = times(len(places), "answer")
        errors += (
            " furthest off" if judged.subject.data.schema.task == "regression" else " with a wrong label"
        )
    message = f"{errors}: the model has more to learn from rows like these"
    side = float(np.median(judged.measured.get("width (pixels)", np.zeros(1))))
    because = "they are learnt last"
    found = finding_of(judged, "hard_examples", message, places)
    return found.replace(
        cures=(*larger_pictures(judged, "details that were lost", side), *more_learning(judged, because)),
        actions=(
            collect(judged, "the model has more to learn from rows like these", rows=judged.rows[places]),
        ),
        advice="a longer --budget, or a stronger backbone, learns more of them",
    )
