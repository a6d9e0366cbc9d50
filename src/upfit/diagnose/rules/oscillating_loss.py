"""A validation curve that swings instead of settling."""

from __future__ import annotations

import numpy as np

from upfit.diagnose.rule import Rule, found
from upfit.diagnose.seen import SCORES, Seen
from upfit.values import Finding

SWING = 0.03
OFTEN = 0.3
FEWEST = 5


def look(seen: Seen) -> Finding | None:
    """Swings to and fro of the metric (or the loss), each larger than noise, in the later part of the run."""
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
