"""A validation curve that swings instead of settling."""

from __future__ import annotations

import numpy as np

from upfit.diagnose.rule import Rule, found
from upfit.diagnose.seen import SCORES, Seen
from upfit.values import Finding

SWING = 0.03
OFTEN = 0.3
FEWEST = 5
THROWN, LEFT = 0.15, 0.1
"""Of the score, that one evaluation loses, and that is still missing at the end."""


def thrown_down(seen: Seen) -> int | None:
    """The evaluation that was worse than no training at all, after better ones, never made good; or None.

    A single one in the later part of the run is enough: its loss is above that of the untrained model, and
    its score has fallen far. Overfitting creeps; where the best weights are kept, nothing is lost.
    """
    if seen.metric not in SCORES or seen.keeps_best or not seen.opening_at_most > 0:
        return None
    noise, best = seen.score_noise, np.fmax.accumulate(seen.scores)
    missing = best - seen.scores
    if not len(missing) or not missing[-1] >= max(LEFT, noise):
        return None
    fell = (missing >= max(THROWN, 2 * noise)) & (seen.validation_losses > seen.opening_at_most)
    later = np.flatnonzero(fell)
    return next((int(place) for place in later if place >= len(fell) // 3), None)


def look(seen: Seen) -> Finding | None:
    """Swings to and fro of the metric (or the loss) in the later part of the run, or a single fall."""
    return _swinging(seen) or _fallen(seen)


def _fallen(seen: Seen) -> Finding | None:
    place = thrown_down(seen)
    if place is None:
        return None
    one, lost = seen.evaluations[place], float(np.nanmax(seen.scores[:place]) - seen.scores[place])
    return found(
        "oscillating_loss",
        (
            f"Validation lost {lost:.2f} at once, with a loss above that of no training, "
            "and has not got it back."
        ),
        confidence=0.6,
        step=one.step,
        plot="validation",
        swing=lost,
        loss_there=one.loss,
        loss_at_start=seen.opening_at_most,
    )


def _only_falls(seen: Seen) -> bool:
    """Whether the validation loss fell at each evaluation: then no more than a few answers changed sides."""
    losses = seen.validation_losses[len(seen.validation_losses) // 3 :]
    return bool(len(losses) >= FEWEST and np.all(np.diff(losses) < 0))


def _swinging(seen: Seen) -> Finding | None:
    if _only_falls(seen):
        return None
    curve, least = (
        (seen.scores, max(SWING, seen.score_noise))
        if seen.metric in SCORES
        else (-seen.validation_losses, 0.0)
    )
    curve = curve[np.isfinite(curve)]
    curve = curve[len(curve) // 3 :]
    if len(curve) < FEWEST:
        return None
    least = least or 0.2 * float(np.median(np.abs(curve)))
    moves = np.diff(curve)
    turns = (np.sign(moves[1:]) != np.sign(moves[:-1])) & (
        np.minimum(np.abs(moves[1:]), np.abs(moves[:-1])) >= least
    )
    share = float(turns.mean())
    if share < OFTEN:
        return None
    return found(
        "oscillating_loss",
        (
            f"Validation swings to and fro by {float(np.median(np.abs(moves))):.2f} from one "
            "evaluation to the next."
        ),
        confidence=0.7,
        step=seen.evaluations[-1].step,
        plot="validation",
        share_of_turns=share,
        swing=float(np.median(np.abs(moves))),
    )


RULE = Rule("oscillating_loss", ("validation",), look)
