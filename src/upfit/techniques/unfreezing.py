"""Gradual unfreezing: which layer groups learn grows from the output down, stage by stage."""

from __future__ import annotations

import math

from upfit.techniques.card import Card
from upfit.values.layers import Gradual
from upfit.values.length import steps_of

PLATEAU_STAGES = 4
"""Stages after which all groups learn, where a plateau ends each and the recipe names no number."""


def learning_count(gradual: Gradual, *, groups: int, step: int, total: int, per_epoch: int) -> int:
    """How many layer groups below the head learn at a step, where stages have a length.

    Args:
        gradual: The recipe's settings; for `every: plateau` see `after_plateau`.
        groups: Layer groups below the head.
        step: Steps taken, from 0.
        total: Steps of the run.
        per_epoch: Steps of an epoch.

    Example:
        >>> counts = [learning_count(Gradual(groups=2), groups=5, step=step, total=40, per_epoch=10)
        ...           for step in (0, 9, 10, 20, 39)]
        >>> counts
        [0, 0, 2, 4, 5]

    Source:
        Howard and Ruder 2018 (ULMFiT), section 3.3.
    """
    assert gradual.every != "plateau", "a plateau is seen in evaluations, not in the number of steps"
    stage = max(1, steps_of(gradual.every, total=total, per_epoch=per_epoch))
    joining = _joining(gradual, groups, stages=total // (2 * stage))
    return min(groups, gradual.start + step // stage * joining)


def after_plateau(gradual: Gradual, *, groups: int, learning: int, stale: int) -> int:
    """How many layer groups below the head learn after an evaluation, where plateaus end the stages.

    Args:
        gradual: The recipe's settings.
        groups: Layer groups below the head.
        learning: How many of them learn so far.
        stale: Evaluations without progress, since the last progress or the last stage.

    Example:
        >>> gradual = Gradual(every="plateau", groups=2, patience=2)
        >>> [after_plateau(gradual, groups=5, learning=4, stale=stale) for stale in (0, 1, 2)]
        [4, 4, 5]
    """
    if stale < gradual.patience:
        return learning
    return min(groups, learning + _joining(gradual, groups, stages=PLATEAU_STAGES))


def _joining(gradual: Gradual, groups: int, *, stages: int) -> int:
    """Layer groups that join at a stage; all within so many stages, where the recipe names no number."""
    if gradual.groups == "auto":
        return max(1, math.ceil((groups - gradual.start) / max(1, stages)))
    return gradual.groups


CARD = Card(
    name="gradual_unfreezing",
    switch="layers.train=gradual",
    row="T4",
    what=(
        "The head learns first; layer groups join from the output down, some at each stage: every so many "
        "epochs or steps, at fractions of the run, or whenever validation stops improving."
    ),
    when=(
        "A fresh head on a good backbone, few examples. While a prefix is frozen, its activations come from "
        "the cache, so that early stages cost little."
    ),
    when_not="A head that starts from a probe has tame gradients from the start; runs of very few epochs.",
    combine="With layer-wise rates. A schedule that decays early leaves little to groups that join late.",
    source="Howard and Ruder 2018",
)
