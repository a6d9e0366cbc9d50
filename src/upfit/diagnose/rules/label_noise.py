"""Labels that contradict their neighbours."""

from __future__ import annotations

from upfit.diagnose.rule import Rule, found
from upfit.diagnose.rules.train_eval_skew import is_on_another_scale
from upfit.diagnose.seen import SCORES, Seen
from upfit.values import Finding

NOISY = 0.15
"""5 % is ordinary, and does little harm."""
TAUGHT = 0.2
"""Beyond luck: what validation examples have to teach where training examples teach nothing."""
BETTER = 0.25
"""Than training examples: accuracy that validation examples, mostly fewer of them, have to teach."""
MOST = 0.75
"""Of a reference's errors: what wrong labels have to account for."""


def _taught_elsewhere(seen: Seen) -> bool:
    """Whether validation teaches a plain model what training does not, and the network has learnt some."""
    lost = seen.fact("reference.score") <= seen.fact("reference.by_luck")
    # Of rare classes accuracy knows nothing.
    lost = lost and not seen.fact("reference.balanced_score") > seen.fact("reference.balanced_by_luck")
    held = seen.fact("reference.held_score")
    told = held > seen.fact("reference.held_by_luck") + TAUGHT
    return lost and told and bool(seen.steps) and seen.score < held and not seen.is_at_chance


def _taught_better_elsewhere(seen: Seen) -> bool:
    """Whether validation teaches far more than training, of like inputs, and the network stays below that.

    Of examples varied on purpose a plain model learns little, and a network that is well the more.
    """
    held = seen.fact("reference.held_score")
    better = held > seen.fact("reference.score") + BETTER
    like = not is_on_another_scale(seen)
    return better and like and len(seen.scores) > 0 and seen.metric in SCORES and seen.score < held - TAUGHT


def look(seen: Seen) -> Finding | None:
    """Examples whose neighbours clearly agree on another class, beyond errors at a border."""
    wrong, clear = seen.fact("reference.contradicted"), seen.fact("reference.clear_share")
    # Where a good model errs far more often than labels contradict, classes overlap and the labels are right.
    overlap = wrong < MOST * (1 - seen.fact("reference.score"))
    elsewhere = _taught_elsewhere(seen) or _taught_better_elsewhere(seen)
    if not elsewhere and (not (wrong > NOISY and clear > 0.1) or overlap):
        return None
    return found(
        "label_noise",
        "A plain model learns from validation what it cannot learn from training: many labels are wrong."
        if elsewhere
        else f"About {wrong:.0%} of the labels contradict examples that look the same: many are wrong.",
        confidence=0.7 if elsewhere else min(0.95, 0.6 + wrong),
        plot="validation",
        contradicted=wrong,
        clear_share=clear,
        reference_score=seen.fact("reference.score"),
    )


RULE = Rule("label_noise", ("reference",), look)
