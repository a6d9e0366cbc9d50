"""Classes so rare that the loss hardly sees them."""

from __future__ import annotations

import math

from upfit.diagnose.rule import Rule, found
from upfit.diagnose.seen import Seen
from upfit.values import Finding

RATIO = 10.0
SHIFT = 4.0
"""How many times as often validation asks for any class as training shows the rarest."""
RECALL = 0.8
"""Share of the rarest class that a run knows which has no trouble with it."""


def is_rarest_known(seen: Seen) -> bool:
    """Whether so few validation examples were mistaken that most of the rarest class must have been known."""
    mistaken = 1 - seen.scores[-1] if seen.metric in ("accuracy", "acc") and len(seen.scores) else math.nan
    return mistaken < (1 - RECALL) * seen.fact("labels.held_rarest")


def is_missing_classes(seen: Seen) -> bool:
    """Whether there are examples enough, and of some classes that the model can answer none."""
    classes = seen.fact("labels.classes", 2.0)
    enough = seen.fact("labels.examples", 0.0) >= 30 * classes
    return classes > seen.fact("labels.seen", classes) > 1 and (enough or is_left_out(seen))


def is_left_out(seen: Seen) -> bool:
    """Whether the loss says nothing of a class because its number is the mark for what is to be ignored."""
    return seen.fact("silence.classes", 0.0) > 0 and seen.fact("labels.ignored_share", 0.0) > 0


def is_rarer_than_held_out(seen: Seen) -> bool:
    """Whether validation asks for the rarest class of training far more often, beyond the chance of few rows.

    The rarest class of validation bounds from below how often it asks for any.
    """
    held, rarest = seen.fact("labels.held_rarest", 0.0), seen.fact("labels.rarest_share", 1.0)
    due = held * seen.fact("labels.examples", 0.0)
    return SHIFT * rarest < held and (held - rarest) / held * due > 4 * math.sqrt(due)


def _said(seen: Seen) -> str:
    known, classes = seen.fact("labels.seen"), seen.fact("labels.classes", 2.0)
    if is_missing_classes(seen) and is_left_out(seen):
        share = seen.fact("labels.ignored_share")
        return f"The loss leaves out {share:.0%} of the labels, all of a class: `ignore_index` is its number."
    if is_missing_classes(seen):
        return f"Training shows {known:.0f} of {classes:.0f} classes and cannot teach the others."
    rarest, ratio = seen.fact("labels.rarest_share", 1.0), seen.fact("labels.ratio", 1.0)
    if is_rarer_than_held_out(seen) and ratio <= RATIO:
        return (
            f"The rarest class has {rarest:.1%} of the examples, and validation asks for it "
            f"{seen.fact('labels.held_rarest') / rarest:.0f} times as often."
        )
    return (
        f"The rarest class has {rarest:.1%} of the examples, {ratio:.0f} times fewer than the commonest: it "
        "will be ignored."
    )


def look(seen: Seen) -> Finding | None:
    """The rarest class ten times rarer than its fair share or the commonest, or far rarer than held out."""
    ratio, rarest = seen.fact("labels.ratio", 1.0), seen.fact("labels.rarest_share", 1.0)
    classes = seen.fact("labels.classes", 2.0)
    missing = is_missing_classes(seen)
    rare = ratio > RATIO or rarest < 0.1 / classes or is_rarer_than_held_out(seen)
    if not (rare or missing) or seen.fact("labels.weighted") == 1:
        return None
    if seen.fact("labels.seen") == 1 or classes > 100 or is_rarest_known(seen):
        return None
    return found(
        "class_imbalance",
        _said(seen),
        confidence=0.85,
        plot="validation",
        rarest_share=rarest,
        ratio=ratio,
        classes=classes,
        seen=seen.fact("labels.seen"),
    )


RULE = Rule("class_imbalance", ("labels.ratio",), look)
