"""The answer is in the question."""

from __future__ import annotations

from upfit.diagnose.rule import Rule, found
from upfit.diagnose.seen import Seen
from upfit.values import Finding

SHARED, MOSTLY = 0.1, 0.8
ROOM = 4.0
"""Different rows that there could be, for each that there is: with fewer, parts drawn apart share rows."""
DIFFER = 0.2
"""Of rows that come again within training: those whose target is not the usual one of such rows."""
SAME = 0.9
"""Of places: those whose target is what is read there."""
NEARLY, LOST = 0.95, 0.2
"""What a column tells of training examples, and how much less of others where it was made from labels."""


def is_unmoved(seen: Seen) -> bool:
    """Whether next tokens were meant, and the loss compares each answer with the very token it is given."""
    in_place = seen.fact("placing.right") < 0.1 * seen.fact("placing.nothing")
    return seen.fact("causal.next_token") == 1 and seen.fact("placing.same") > SAME and in_place


def look(seen: Seen) -> Finding | None:
    """Examples in both splits, one column that tells the class, or tokens that see what they predict."""
    shared, distinct = seen.fact("leaks.shared", 0.0), seen.fact("leaks.distinct", 1.0)
    best, second = seen.fact("leaks.best_column"), seen.fact("leaks.second_column")
    future = seen.fact("causal.change") > 1e-4 and seen.fact("causal.next_token") == 1
    # Texts cut off after a few tokens meet by chance.
    cut = seen.fact("inputs.cut_short") == 1
    # Rows of a few bits do so too, in any two parts.
    crowded = seen.fact("leaks.room") < ROOM
    # Windows of a running text meet where its sentences come again, within a part as between two; so do rows
    # that say little, as counts of a few words, and mean now this, now that.
    chance = seen.fact("causal.next_token") == 1 or seen.fact("leaks.repeats_differ") >= DIFFER
    comes_again = chance and seen.fact("leaks.repeated") >= 0.5 * shared
    if shared >= SHARED and distinct > 0.5 and not cut and not crowded and not comes_again:
        why, sure = (
            f"{shared:.0%} of the validation examples are training examples: the score is not to be trusted.",
            0.95,
        )
    elif seen.fact("leaks.near") > MOSTLY:
        why, sure = (
            f"{seen.fact('leaks.near'):.0%} of the validation examples have training examples far nearer "
            "than any other: copies with a little noise, made before the parts were drawn.",
            0.8,
        )
    elif seen.fact("leaks.spelt_out") == 1:
        why, sure = (
            "Input columns spell out the class, one column for each: the answer is in the question.",
            0.9,
        )
    elif best >= 0.995 and second < best - 0.08:
        why, sure = (
            "A single input column gives the answer away; will it be known when the model is used?",
            0.7,
        )
    elif seen.fact("leaks.told") >= NEARLY and seen.fact("leaks.told_held") < seen.fact("leaks.told") - LOST:
        why, sure = (
            "A single input column gives the answer away in training examples, and not in validation: it "
            "was made from the labels.",
            0.85,
        )
    elif is_unmoved(seen):
        why, sure = (
            "The token to predict is the token that is read at its place: targets were not moved by one.",
            0.95,
        )
    elif future:
        why, sure = (
            "What the model says about a token depends on the tokens after it: it can read the answer.",
            0.95,
        )
    else:
        return None
    return found(
        "data_leakage",
        why,
        severity="error",
        confidence=sure,
        plot="validation",
        shared=shared,
        best_column=best,
        second_column=second,
        told=seen.fact("leaks.told"),
        told_in_validation=seen.fact("leaks.told_held"),
        future_change=seen.fact("causal.change"),
    )


RULE = Rule("data_leakage", ("leaks or causal or placing",), look)
