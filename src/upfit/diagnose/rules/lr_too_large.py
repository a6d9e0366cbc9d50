"""A learning rate that overshoots."""

from __future__ import annotations

import numpy as np

from upfit.diagnose.group_rates import LARGE, GroupRates
from upfit.diagnose.rule import Rule, found
from upfit.diagnose.rules.over_regularised import LOST, left_of_weights, pulled_by_decay
from upfit.diagnose.seen import Seen
from upfit.values import Finding

SWALLOWED = 1.0
"""A single step as large as the weights, before training."""
WRECKED, IN_A_ROW = 10.0, 5
"""Times the loss at the start, and for how many steps."""
ALIVE, DEAD = 0.5, 0.9
"""Shares of a layer's units that never fire: before training, and after a step that killed the layer."""
KNEW, GAINED = 0.2, 0.05
"""Accuracy above that of the commonest class before training, and what a run has to add to it."""
OF_WHOM = {"both": "", "body": " of the layers below the head", "head": " of the head"}


def was_wrecked(seen: Seen) -> bool:
    """Whether the loss was far above its start for some steps on the way, and the run never got well again.

    What is left of the network may lie quietly by then, so that steps look small.
    """
    if len(seen.finite_losses) < 2 * IN_A_ROW or not seen.opening_at_most > 0 or not seen.is_poor:
        return False
    several = np.lib.stride_tricks.sliding_window_view(seen.finite_losses, IN_A_ROW)
    return float(np.median(several, axis=1).max()) > WRECKED * seen.opening_at_most


def was_killed(seen: Seen) -> bool:
    """Whether a layer of living rectifiers died on the way, and the run guesses: a step threw it away.

    Weights that decay has taken off say nothing of steps.
    """
    died = seen.fact("units.dead") < ALIVE and seen.most_dead >= DEAD
    return died and seen.is_poor and seen.is_at_chance and left_of_weights(seen) > LOST


def was_forgotten(seen: Seen) -> bool:
    """Whether a network that knew its task guessed after the first steps, and got no further than it was."""
    chance = seen.fact("labels.commonest_share")
    knew = seen.fact("start.score") - chance
    if not knew > KNEW or not len(seen.scores) or seen.metric != "accuracy":
        return False
    lost = float(seen.scores[: max(1, len(seen.scores) // 3)].min()) < chance + knew / 2
    return lost and seen.score < seen.fact("start.score") + GAINED


def times(factor: float, loss: float) -> float:
    """A loss that is worse (factor above 1) or better by so much of its size; losses may be below nought.

    >>> times(1.5, 2.0), times(1.5, -2.0)
    (3.0, -1.0)
    """
    return loss + (factor - 1) * abs(loss)


def look(seen: Seen) -> Finding | None:
    """A tenth of the rate does better from the same start, or the loss rises on enormous steps."""
    start, now, tenth = seen.fact("rates.start"), seen.fact("rates.as_set"), seen.fact("rates.tenth")
    diverged = seen.fact("rates.diverged") == 1
    sane = tenth < times(1.5, start)
    climbs = now > times(1.1, start) and tenth < now
    fell = tenth < times(0.9, start)
    behind = now > times(1.5, tenth) and fell and seen.fact("rates.worst") > times(1.5, start)
    rates = GroupRates.of(seen)
    blamed = rates.too_large()
    steps = max(seen.update_ratio, seen.early_update_ratio)
    # Adam's first step is its largest: what was seen of the run counts before what one step showed.
    long = steps if steps == steps else seen.fact("descent.update_ratio")
    # What decay takes off the weights in each step is decay's fault.
    large_steps = long - pulled_by_decay(seen) > LARGE or blamed == "head"
    early = seen.finite_losses[5:25]
    opening = seen.opening_at_most
    rose = len(early) >= 10 and float(np.median(early)) > times(1.1, opening)
    wrecked = was_wrecked(seen)
    blew_up = len(seen.losses) > len(seen.finite_losses) or seen.closing > times(2.0, opening) or wrecked
    # Nothing learnt survives a first step that is larger than the weights.
    swallowed = not seen.steps and seen.fact("descent.update_ratio") > SWALLOWED
    tested = (diverged and sane) or climbs or behind or swallowed
    forgotten = large_steps and was_forgotten(seen)
    overshot = (rose or blew_up or seen.is_poor) and (large_steps or wrecked) and len(seen.steps) >= 10
    watched = overshot or forgotten or was_killed(seen)
    harmed = seen.is_poor or blew_up or forgotten
    thrown = next((int(one.data["bad_step"]) for one in seen.taken_back if "spike" in one.data), None)
    if not (tested or watched) or (len(seen.steps) >= 30 and not harmed):
        return None if thrown is None else _thrown_up(seen, thrown)
    rate = {"both": seen.rate, "body": rates.body, "head": rates.head}[blamed]
    return found(
        "lr_too_large",
        f"The learning rate{OF_WHOM[blamed]} ({rate:.1e}) is too large: "
        "steps overshoot instead of going downhill.",
        severity="error",
        confidence=0.9 if tested and (watched or not seen.steps) else 0.7,
        step=seen.step_number(0),
        plot="loss",
        rate=rate,
        head_rate=rates.head,
        rate_below_head=rates.body,
        head_step_beside_weights=rates.head_step,
        steps_below_head=rates.body_step,
        loss_at_start=start,
        loss_at_rate=now,
        loss_at_tenth=tenth,
        update_ratio=steps,
    )


def _thrown_up(seen: Seen, step: int) -> Finding:
    """What is left to say of a run that went back by itself."""
    return found(
        "lr_too_large",
        f"The learning rate ({seen.rate:.1e}) was too large at step {step}, where the loss was thrown up; "
        "the run went back and went on at a lower rate.",
        confidence=0.7,
        step=step,
        plot="loss",
        rate=seen.rate,
    )


RULE = Rule("lr_too_large", ("rates or descent or updates or loss",), look)
