"""A run that was over before the model had learnt."""

from __future__ import annotations

from upfit.diagnose.rule import Rule, found
from upfit.diagnose.seen import Seen
from upfit.values import Finding

SHORT = 100
"""Steps; hardly any model is done by then."""


def look(seen: Seen) -> Finding | None:
    """Few steps, still falling, and clearly below what the data allow."""
    if (
        not seen.steps
        or not seen.has_had_time
        or not seen.is_far_behind
        or seen.losses.size > len(seen.finite_losses)
    ):
        return None
    short = seen.taken < SHORT
    # What cannot hold a batch, or the classes, wants to be another model, not more of the same steps.
    if (seen.cannot_learn_a_batch or seen.is_too_narrow or seen.is_straight) and not short:
        return None
    improving = len(seen.scores) >= 3 and seen.scores[-1] > seen.scores[-3] + 0.01
    if not (short or seen.still_falling or improving) or seen.fallen <= 0:
        return None
    return found(
        "underfit_budget",
        (
            f"Training ended after {seen.taken} steps while the model was still learning: it "
            "needs more of them."
        ),
        confidence=0.7 if short else 0.5,
        step=seen.step_number(-1),
        plot="loss",
        steps=seen.taken,
        fallen=seen.fallen,
        shortfall=seen.shortfall,
    )


RULE = Rule("underfit_budget", ("loss", "validation"), look)
