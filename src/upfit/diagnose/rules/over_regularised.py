"""Regularisation that keeps the model from learning."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from upfit.diagnose.rule import Rule, found
from upfit.diagnose.seen import Seen
from upfit.values import Finding

DROPPED = 0.6
HALF = 0.5
"""Of a step: what decay alone may make up."""
SPREAD = 0.5
"""Label smoothing beyond which the loss asks more for the other classes than for the right one."""
MOSTLY = 0.7
"""Of the gradient, from which on a penalty outweighs the data: at right angles they are then level."""
LEVEL = 1.0
"""A penalty's gradient beside that of the data, before training, where the data pull hardest."""
BY_HEART = 0.8
"""Score on sixteen examples that were learnt for sixty steps, penalty included: an intact network has 1."""
PULLED, LOST = 0.3, 0.7
"""What decay alone takes off the weights (a logarithm), and what is left of them where that is too much."""


def left_of_weights(seen: Seen) -> float:
    """Size of all weights together at the last look, beside the first; 1 where nobody looked twice."""
    sizes = [_size(health.weight_norms) for health in seen.healths if health.weight_norms]
    return sizes[-1] / sizes[0] if len(sizes) >= 2 and sizes[0] > 0 else 1.0


def weight_decay(seen: Seen) -> float:
    """Of the optimizer, or of the recipe."""
    return seen.fact("optimizer.weight_decay", seen.fact("recipe.weight_decay", 0.0))


def pulled_by_decay(seen: Seen) -> float:
    """Share of the weights that a decoupled decay takes off in one step; 0 for one that is not."""
    return weight_decay(seen) * seen.rate if _is_decoupled(seen) else 0.0


def _is_decoupled(seen: Seen) -> bool:
    return seen.fact("optimizer.decoupled", seen.fact("recipe.decoupled")) == 1


def penalty_share(seen: Seen) -> float:
    """How much of the gradient an L2 penalty in the loss makes up: about 1 where the data have no say."""
    shares = [
        seen.penalty * _size(health.weight_norms) / size
        for health in seen.healths
        if (size := _size(health.gradient_norms)) > 0
    ]
    return float(np.median(shares)) if shares else 0.0


def look(seen: Seen) -> Finding | None:
    """A training loss that stays high, with a penalty that outweighs the data, or dropout that hides them."""
    if not seen.steps:
        return None
    pull, decay = seen.fact("decay.pull", 0.0), weight_decay(seen)
    decoupled = _is_decoupled(seen)
    shrink = pulled_by_decay(seen) * seen.taken
    left = left_of_weights(seen)
    shrunk = left < 0.5 or (left < LOST and shrink > PULLED)
    # Of a decoupled decay it is known what it takes off the weights in a step: beside it the data do little.
    # Weights that never move are not held back by decay: nobody steps.
    step = max(seen.update_ratio, seen.early_update_ratio)
    is_most = step > 0 and pulled_by_decay(seen) > HALF * step
    in_loss = seen.fact("decay.in_loss", 0.0)
    dear = in_loss > HALF and seen.fact("one_batch.score") < BY_HEART
    # Where decay is most of every step, half of what else counts as poor is enough.
    if not seen.is_poor and not (is_most and seen.shortfall > seen.margin / 2) and not dear:
        return None
    penalised = decay > 0 and (shrunk or is_most or (pull > 1 and not decoupled) or shrink > 3)
    dropout, smoothing = seen.dropout, seen.label_smoothing
    hidden, of_gradient = dropout >= DROPPED, penalty_share(seen)
    dear = dear or in_loss > LEVEL
    if not (penalised or hidden or smoothing > SPREAD or of_gradient > MOSTLY or dear):
        return None
    if dear:
        what = f"what the loss adds for the weights pulls {in_loss:.1f} times as hard as the data"
    elif of_gradient > MOSTLY:
        what = f"the L2 penalty makes up {of_gradient:.0%} of the gradient"
    elif penalised:
        what = "weight decay pulls harder than the data"
    elif hidden:
        what = f"dropout hides {dropout:.0%} of the units"
    else:
        what = f"label smoothing of {smoothing:.2f} asks more for the other classes than for the right one"
    return found(
        "over_regularised",
        f"The model is held back: {what}, and the training loss stays high.",
        confidence=0.8,
        step=seen.step_number(-1),
        plot="loss",
        decay_over_gradient=pull,
        dropout=dropout,
        weight_decay=decay,
        label_smoothing=smoothing,
        left_of_weights=left,
        penalty_of_gradient=of_gradient,
        penalty_in_loss=in_loss,
    )


def _size(norms: Mapping[str, float]) -> float:
    """The norm of all layers together."""
    return math.hypot(*norms.values())


RULE = Rule("over_regularised", ("loss", "decay or modes or recipe"), look)
