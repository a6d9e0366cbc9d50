"""Too few examples for the model to generalise from."""

from __future__ import annotations

from upfit.diagnose.rule import Rule, found
from upfit.diagnose.seen import Seen
from upfit.values import Finding

FEW = 120
FEW_PER_CLASS = 10
GAP = 0.08


def look(seen: Seen) -> Finding | None:
    """A small training set, learnt by heart, with validation clearly behind."""
    rows, classes = seen.fact("inputs.examples"), seen.fact("labels.classes", 1.0)
    few = rows < FEW or rows < FEW_PER_CLASS * classes
    gap = seen.train_score - seen.score
    learnt = seen.train_score > 0.9 or seen.closing < 0.2 * seen.opening
    behind = gap > GAP or (gap != gap and seen.validation_losses[-1] > 2 * seen.closing)
    if not (few and learnt and behind):
        return None
    return found(
        "too_little_data",
        (
            f"{rows:.0f} training examples are learnt by heart, and validation stays behind: more data "
            "is the cure."
        ),
        confidence=0.8,
        step=seen.evaluations[-1].step,
        plot="validation",
        examples=rows,
        classes=classes,
        gap=gap,
    )


RULE = Rule("too_little_data", ("inputs", "validation"), look)
