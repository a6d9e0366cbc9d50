"""Labels that say nothing about the inputs."""

from __future__ import annotations

from upfit.diagnose.rule import Rule, found
from upfit.diagnose.rules.class_imbalance import RATIO, is_missing_classes
from upfit.diagnose.rules.train_eval_skew import is_on_another_scale
from upfit.diagnose.seen import Seen
from upfit.values import Finding

FEWEST = 300
APART = 0.25
"""Between distributions of values, of 1 at most."""
HANDFUL = 10
"""Examples of the rarest class, of which nothing can be told."""
UNLIKE = 0.75
"""How surely examples of classes that training never shows are unlike all that it shows: they are missing."""
UNKNOWN = 0.1
"""Of validation, examples of classes that training never shows: rare ones that chance left out are fewer."""
KNOWN, NEAR, LOST = 0.6, 0.2, 0.3
"""What a reference knows of training examples; how near to that it comes on validation where classes may have
other numbers; and how much less it knows with the numbers as they are, which has to be less than chance."""


def is_unrelated(seen: Seen) -> bool:
    """Neither the reference nor, after training, the model does better than luck on unseen examples."""
    reference = seen.fact("reference.score") <= seen.fact("reference.by_luck")
    # Of rare classes accuracy knows nothing: what tells them apart may be there all the same.
    told = seen.fact("reference.balanced_score") > seen.fact("reference.balanced_by_luck")
    reference = reference and not told
    enough = seen.fact("reference.examples") >= FEWEST or _learnable_elsewhere(seen)
    # A handful of a class beside hundreds of others: too few to tell, which is another illness.
    handful = seen.fact("labels.rarest_share") * seen.fact("labels.examples") < HANDFUL
    lopsided = handful and seen.fact("labels.ratio") > RATIO
    return (
        reference
        and enough
        and not lopsided
        and not _are_inputs_other(seen)
        and len(seen.evaluations) > 0
        and seen.is_at_chance
    )


def _are_inputs_other(seen: Seen) -> bool:
    """Whether validation can be learnt, and its inputs are on another scale: labels are not at fault."""
    return _learnable_elsewhere(seen) and is_on_another_scale(seen)


def _learnable_elsewhere(seen: Seen) -> bool:
    """Whether validation examples alone teach what no number of training examples does."""
    return seen.fact("reference.held_score") > seen.fact("reference.held_by_luck")


def is_renamed(seen: Seen) -> bool:
    """Whether validation is understood as soon as its classes may have other numbers."""
    own, held, renamed = (seen.fact(f"transfer.{name}") for name in ("own", "held", "renamed"))
    known = own > KNOWN and renamed > own - NEAR
    return known and held < renamed - LOST and held < 1 / max(2.0, seen.fact("transfer.classes"))


def _by_themselves(seen: Seen) -> tuple[str, float] | None:
    """What is wrong with the labels of training as they are given, and how sure that is."""
    ignored = seen.fact("labels.ignored_share", 0.0)
    if seen.fact("labels.seen") == 1 and seen.fact("labels.examples", 0.0) >= 16:
        return "Every training example has the same label: there is nothing to tell apart.", 1.0
    if seen.fact("labels.constant") == 1:
        return "Every training target has the same value: there is nothing to learn.", 1.0
    if ignored > 0.9:
        return f"{ignored:.0%} of the labels are the mark for 'ignore': the loss has nothing to work on.", 1.0
    if seen.fact("labels.outside", 0.0) > 0 or seen.fact("failure.labels_outside") == 1:
        return "Some labels are not among the classes that the model can answer.", 1.0
    if seen.fact("labels.whole_numbers") == 0:
        return "Class labels are fractions: something has scaled them.", 0.95
    if seen.fact("placing.ahead", 1.0) >= 2:
        return (
            f"Each target is the token {seen.fact('placing.ahead'):.0f} places on, not the next one: it was "
            "moved twice, as by the collation and by the loss."
        ), 0.9
    return None


def _beside_others(seen: Seen) -> tuple[str, float] | None:
    """What is wrong with them beside the labels of validation, or beside the inputs."""
    unknown = seen.fact("labels.unknown")
    if unknown > UNKNOWN and not (seen.fact("labels.unknown_unlike") > UNLIKE and is_missing_classes(seen)):
        return (
            f"{unknown:.0%} of the validation examples are of classes that training never shows: were labels "
            "changed on the way, or parts cut class by class?"
        ), 0.95
    if is_renamed(seen):
        return (
            "Validation numbers its classes otherwise than training does: with other numbers the same inputs "
            "are known. Encode the labels of both parts together."
        ), 0.9
    if seen.fact("labels.apart") > APART and seen.is_poor:
        return (
            "Values to predict are distributed otherwise in training than in validation: were they cut off, "
            "wrapped round or scaled on the way?"
        ), 0.7
    if is_unrelated(seen):
        return "The labels have no visible relation to the inputs: were they shuffled apart?", 0.8
    return None


def look(seen: Seen) -> Finding | None:
    """One class only, ignored or impossible labels, or labels that no model can relate to the inputs."""
    told = _by_themselves(seen) or _beside_others(seen)
    if told is None:
        return None
    why, sure = told
    return found(
        "label_corruption",
        why,
        severity="error",
        confidence=sure,
        plot="loss",
        ignored_share=seen.fact("labels.ignored_share", 0.0),
        outside=seen.fact("labels.outside", 0.0),
        classes_seen=seen.fact("labels.seen"),
        reference_score=seen.fact("reference.score"),
        score_by_luck=seen.fact("reference.by_luck"),
    )


RULE = Rule("label_corruption", ("labels or reference or transfer or placing",), look)
