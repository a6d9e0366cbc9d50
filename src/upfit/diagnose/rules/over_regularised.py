"""Regularisation that keeps the model from learning."""

from __future__ import annotations

from upfit.diagnose.rule import Rule, found
from upfit.diagnose.seen import Seen
from upfit.values import Finding

DROPPED = 0.6


def has_shrunk(seen: Seen) -> bool:
    """Whether all weights together have lost half their size since the first look."""
    sizes = [sum(v * v for v in h.weight_norms.values()) ** 0.5 for h in seen.healths if h.weight_norms]
    return len(sizes) >= 2 and sizes[-1] < 0.5 * sizes[0]


def weight_decay(seen: Seen) -> float:
    """Of the optimizer, or of the recipe."""
    return seen.fact("optimizer.weight_decay", seen.fact("recipe.weight_decay", 0.0))


def look(seen: Seen) -> Finding | None:
    """A training loss that stays high, with a penalty that outweighs the data, or dropout that hides them."""
    if not seen.steps or not seen.is_poor:
        return None
    pull, decay = seen.fact("decay.pull", 0.0), weight_decay(seen)
    dropout = max(seen.fact("modes.dropout", 0.0), seen.fact("recipe.dropout", 0.0))
    decoupled = seen.fact("optimizer.decoupled", seen.fact("recipe.decoupled")) == 1
    shrink = decay * seen.rate * seen.taken if decoupled else 0.0
    shrunk = has_shrunk(seen)
    penalised = decay > 0 and (shrunk or (pull > 1 and not decoupled) or shrink > 3)
    hidden = dropout >= DROPPED
    if not penalised and not hidden:
        return None
    what = (
        "weight decay pulls harder than the data"
        if penalised
        else f"dropout hides {dropout:.0%} of the units"
    )
    return found(
        "over_regularised",
        f"The model is held back: {what}, and the training loss stays high.",
        confidence=0.8,
        step=seen.step_number(-1),
        plot="loss",
        decay_over_gradient=pull,
        dropout=dropout,
        weight_decay=decay,
    )


RULE = Rule("over_regularised", ("loss", "decay or modes or recipe"), look)
