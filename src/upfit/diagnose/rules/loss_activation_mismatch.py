"""An output that cannot give the answers that the loss asks for."""

from __future__ import annotations

import math

from upfit.diagnose.rule import Rule, found
from upfit.diagnose.rules.class_imbalance import is_left_out
from upfit.diagnose.seen import Seen
from upfit.values import Finding

SHARE = 0.2
"""A softmax before cross-entropy costs 63 % of guessing among ten classes, a sigmoid among two 45 %."""


BELOW = -0.05
"""A loss without a lower end, and outputs that end: right answers then cost less than nothing."""


def look(seen: Seen) -> Finding | None:
    """Right answers, pressed into the range of the outputs, still cost a good part of knowing nothing."""
    least, free, blank = (
        seen.fact("output.least"),
        seen.fact("output.least_free"),
        seen.fact("output.loss_knowing_nothing"),
    )
    room = blank - free
    share = (least - free) / room if room > 0 and free > -100 else math.nan
    fixed = seen.fact("output.high") == seen.fact("output.low")
    one_for_many = (
        seen.fact("output.width") == 1
        and seen.fact("target.high") > 1
        and seen.fact("labels.classes", 0.0) > 2
    )
    if seen.fact("failure.not_shares") == 1:
        why = (
            "The loss wants probabilities, and the model gives other numbers: use the loss that takes logits."
        )
    elif seen.fact("output.indifferent") == 1:
        why = (
            "The loss is the same for right answers, wrong ones and none: it cannot read outputs of this "
            "shape (categorical cross-entropy of a single column is always nought)."
        )
    elif fixed:
        why = "The output is the same number whatever the input: a softmax over a single output is always 1."
    elif least < -100 or (least < BELOW and free < -100):
        why = (
            "The loss has no lower end for these outputs: it wants log-probabilities and is given "
            "something else."
        )
    elif seen.fact("silence.classes") > 0 and not is_left_out(seen):
        why = (
            "The loss is the same whatever is answered to the examples of a class: are labels coded as it "
            "wants them (0 and 1, or -1 and 1)?"
        )
    elif seen.fact("output.shared_out") == 1:
        why = (
            "Several labels may be true of an example, or none, and the loss makes them share out one whole "
            "(softmax): use binary cross-entropy, each label by itself."
        )
    elif share > SHARE:
        why = (
            f"Even right answers cost {share:.0%} of knowing nothing: the last activation does not "
            "suit the loss."
        )
    elif one_for_many:
        why = "One number cannot stand for several classes: they have no order. Give one output per class."
    else:
        return None
    return found(
        "loss_activation_mismatch",
        why,
        severity="error",
        confidence=0.93,
        plot="loss",
        least_loss=least,
        least_loss_free=free,
        loss_knowing_nothing=blank,
        output_low=seen.fact("output.low"),
        output_high=seen.fact("output.high"),
        target_low=seen.fact("target.low"),
        target_high=seen.fact("target.high"),
    )


RULE = Rule("loss_activation_mismatch", ("output or failure or silence",), look)
